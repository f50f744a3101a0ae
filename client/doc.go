// Package client is for Go programs that call an API which Durin protects: it
// logs in, keeps the token, renews it before it runs out, and puts it into
// requests.
//
//	c, err := client.New(client.Options{
//		URL:    "https://api.example.org/api/auth",
//		Client: "cli",
//		Keeper: client.File(filepath.Join(dir, "token.json")),
//	})
//	...
//	if _, err := c.Login(ctx, name, password); err != nil { ... }
//	...
//	res, err := c.HTTP().Get("https://api.example.org/things")
//
// # What is promised
//
// However many goroutines share a Client, a token that runs out is renewed once:
// they wait for that. A renewal that fails disturbs nobody as long as the token is
// good. A request that is answered with 401 is sent once more if there is a newer
// token by then, of this program or of another one that shares the Keeper, or if
// Options.Credentials can log in anew; its body must be one that can be had again
// (http.Request.GetBody).
//
// The token goes to the origin of Options.URL and to Options.Origins, and to no
// other: not on a redirect either, and not over http where https is meant.
//
// The package needs the standard library only.
package client
