// Command site makes the documentation's site out of the Markdown in docs: a folder of
// plain files that any web server, or none, can show.
//
//	site [-root REPOSITORY] [-out FOLDER]
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", "../..", "the repository")
	out := flag.String("out", "../../site", "the folder to write")
	flag.Parse()
	s, err := load(*root)
	if err == nil {
		err = s.write(*out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Printf("%d pages in %s\n", len(s.pages), *out)
}
