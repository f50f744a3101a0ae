# Names for what is done often; the work is in scripts/.
.PHONY: test release release-twice test-package site

test:          ; scripts/test
release:       ; scripts/release
release-twice: ; scripts/release-twice
test-package:  ; scripts/test-package
site:          ; cd scripts/site && GOWORK=off go run .
