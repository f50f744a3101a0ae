# Names for what is done often; the work is in scripts/.
.PHONY: help run check test lint fuzz bench release release-twice test-package site
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

run: ## start a server on durin.db in this folder
	go run ./cmd/durin serve

check: ## formatting, vet, staticcheck, -short tests: under a minute once warm
	scripts/check

test: ## everything, as continuous integration runs it
	scripts/test

lint: ## vet and staticcheck
	scripts/lint

fuzz: ## each fuzz target for TIME (1m); TARGET=importer/ for those of one package
	scripts/fuzz $(or $(TIME),1m) 2 $(TARGET)

bench: ## the figures of docs/performance.md; ROWS="F1 F2" for some of them
	go run ./bench table $(ROWS)

release: ## archives and packages in dist/
	scripts/release

release-twice: ## the same twice, compared byte by byte
	scripts/release-twice

test-package: ## the Debian package, installed and removed
	scripts/test-package

site: ## the documentation's site in site/
	cd scripts/site && GOWORK=off go run .
