// Package upgradetest replaces the running program by another build of it, under
// load, and counts failed requests: there may be none.
//
// The short form upgrades between two builds of this tree. The long form, with
// DURIN_LONG=1, upgrades more often, and from the commit that came before the
// latest migrations, out of the repository's history.
package upgradetest
