// Package proxytest holds the proxies' configuration files in docs/proxies to
// what the documentation says of them, with the real proxies, in its tests.
package proxytest
