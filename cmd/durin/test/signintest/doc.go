// Package signintest follows docs/sign-in.md in its tests: the program, the
// documented files of each proxy, and a browser.
package signintest
