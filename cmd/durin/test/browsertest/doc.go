// Package browsertest proves in a real browser, in its tests, what the
// documentation promises of sessions in cookies.
package browsertest
