// Climate is a command-line program of an API that Durin protects: it signs in
// once, keeps its token in a file that nobody else can read, and renews it as it
// goes.
//
//	climate login NAME       asks for the password on standard input
//	climate get PATH         shows what the API answers
//	climate logout
//
// CLIMATE_URL is the API's address; the client cli must be there.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/durin-go/durin/client"
)

func main() {
	folder, err := os.UserConfigDir()
	if err == nil {
		err = run(context.Background(), os.Getenv("CLIMATE_URL"), filepath.Join(folder, "climate", "token.json"), os.Args[1:], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "climate:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: climate login NAME | get PATH | logout")

func run(ctx context.Context, base, tokenFile string, args []string, in io.Reader, out io.Writer) error {
	c, err := client.New(client.Options{
		URL:    base + "/api/auth",
		Client: "cli",
		Device: "climate",
		Keeper: client.File(tokenFile),
	})
	if err != nil {
		return err
	}
	switch {
	case len(args) == 2 && args[0] == "login":
		password, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		_, err = c.Login(ctx, args[1], strings.TrimRight(password, "\r\n"))
		return err
	case len(args) == 2 && args[0] == "get":
		return get(ctx, c, base+args[1], out)
	case len(args) == 1 && args[0] == "logout":
		return c.Logout(ctx)
	}
	return errUsage
}

func get(ctx context.Context, c *client.Client, url string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := c.HTTP().Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return errors.New("you are not signed in: climate login NAME")
	case res.StatusCode >= 300:
		return fmt.Errorf("the API answers %s", res.Status)
	}
	_, err = io.Copy(out, res.Body)
	return err
}
