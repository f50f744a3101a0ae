// Package docstest holds the documentation to the program, in its tests: what a
// page shows is run, compiled or looked up.
//
//   - Commands are run as a reader goes through the page: its sh and console blocks
//     in their order, in one shell and one folder, beside the server that the page
//     starts. What a console shows is compared; what differs at each run (tokens,
//     instants, ids of requests and keys) by its form. plans_test.go has what a page
//     takes for granted, and the few commands that are not run, each with its
//     reason. A page that starts no server has one from the beginning.
//   - A go block with file=PATH behind it stands in that file, word by word; the
//     file is compiled by the tests of its module. There are no others.
//   - Commands of the program exist, with the flags that they have on the page, also
//     where they are not run.
//   - A toml block is a configuration file that the program takes, a yaml block one
//     that Prometheus takes; sql is run on the database, js in Node.
//   - What stands in a text block is held as texts in blocks_test.go says.
//   - Links lead to pages, files and headings that exist.
//   - What stands between <!-- generated: NAME --> and <!-- end --> is what the
//     program's own help says.
//
// After a change of the program, go test ./test/docstest -update writes the
// generated parts and the output of the console blocks anew.
package docstest
