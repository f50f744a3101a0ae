// Package watchtest holds, in its tests, what operators watch Durin with to the
// running program: each metric that the alert rules, the dashboard and the pages
// name is there, each alert's condition comes about when what it warns of happens,
// and traces arrive at a collector.
package watchtest
