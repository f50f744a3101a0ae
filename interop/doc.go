// Package interop tests the program with clients that nobody here wrote: it
// generates clients from the OpenAPI document and uses them, and has OAuth
// libraries introspect and revoke tokens. It is a module of its own, so that no
// product module gets to know the generators and libraries; it knows none of
// Durin's packages either, and only runs the program.
package interop
