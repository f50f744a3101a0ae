// Package lint holds the files for containers and for Kubernetes to the rules of
// those who will read them, in its tests: they are read by the engines' own code,
// strictly, and what they name of Durin's exists. It is a module of its own, so that
// nothing of that code reaches the program.
package lint
