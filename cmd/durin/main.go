// Command durin is token authentication per API client, in one binary.
package main

import (
	"os"
	_ "time/tzdata" // time zones, also where the system has none

	"github.com/durin-go/durin/cmd/durin/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
