// Package docstest holds the documentation to the program, in its tests: what a
// page shows is run, compiled or looked up.
//
//   - A console block is a terminal: its commands are run in order, one shell to
//     a page, beside a server of the page's own, and their output is compared.
//     What differs at each run (tokens, instants, ids of requests and keys) is
//     compared by its form. A comment <!-- serve: FLAGS --> on the page gives the
//     server its flags.
//   - A go block with file=PATH behind it stands in that file, word by word; the
//     file is compiled by the tests of its module. There are no others.
//   - A command of the program in an sh block exists, with the flags that it has
//     there.
//   - A toml block is a configuration file that the program takes.
//   - Links lead to pages, files and headings that exist.
//   - What stands between <!-- generated: NAME --> and <!-- end --> is what the
//     program's own help says.
//
// After a change of the program, go test ./internal/docstest -update writes the
// generated parts and the output of the console blocks anew.
package docstest
