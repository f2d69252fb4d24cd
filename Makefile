# 千帆 Qianfan. `make help` lists the targets; ARGS passes options on.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GOLANGCI_VERSION := 2.15.0
GOLANGCI_PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint

FUNCTIONS := $(notdir $(patsubst %/bootstrap/,%,$(sort $(wildcard functions/*/bootstrap/))))
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w"

# The race detector needs a C compiler, which `go` looks for itself.
RACE = $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && echo -race)
# Test programs at a time: each may run a SQL server of its own.
P ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n : 4)))
TIMEOUT ?= 15m

.PHONY: help
help: ## this list
	@echo 'make TARGET [ARGS="…"]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: sql-server build ## everything a new machine needs, then the emulator with a trickle of orders; ARGS for `qianfan up`
	@exec build/qianfan up $(ARGS)

.PHONY: build
build: $(FUNCTIONS:%=build-%) ## the function binaries, build/<function>/bootstrap, and the emulator, build/qianfan
	@$(GO_BUILD) -o build/qianfan ./local

.PHONY: $(FUNCTIONS:%=build-%)
$(FUNCTIONS:%=build-%): build-%:
	@$(GO_BUILD) -o build/$*/bootstrap ./functions/$*/bootstrap

# Without a package manager that may install, the emulator fetches a server into its own cache, or says what to do.
.PHONY: sql-server
sql-server:
	@PATH="$$PATH:/usr/sbin:/usr/libexec"; \
	if command -v mariadbd >/dev/null || command -v mysqld >/dev/null; then exit 0; fi; \
	root=; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null && { [ -z "$$root" ] || $$root true 2>/dev/null; }; then \
		echo 'installing mariadb-server-core (no service is started)' >&2; \
		$$root apt-get update -qq >&2 && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mariadb-server-core >&2 || \
			echo 'that failed; the emulator will try to fetch one into its cache' >&2; \
	elif command -v brew >/dev/null; then \
		brew install mariadb >&2; \
	fi

.PHONY: test
test: ## vet and all tests on embedded services; ARGS for `go test`, as ARGS="-run Name ./shared/order"
	@[ -n "$(RACE)" ] || echo 'no C compiler: testing without the race detector' >&2
	go vet ./...
	go test $(RACE) -timeout $(TIMEOUT) -p $(P) $(if $(ARGS),$(ARGS),./...)

.PHONY: test-real
test-real: build ## the conformance, store and end-to-end suites on real RocketMQ 5, MySQL, Redis, and compose; ARGS = parts
	@local/services/test-real.sh $(ARGS)

.PHONY: package
package: ## the functions for Function Compute: build/package/<function>.zip, the same bytes everywhere; ARGS = functions
	@go run ./deploy/packager $(ARGS)

# s.sh is the deploy tool itself, pinned; its verify needs no account. The values are examples: what a real environment holds is checked
# by `build/qianfan verify s.prod.yaml` in its shell.
.PHONY: verify-deploy
verify-deploy: ## s.yaml and s.prod.yaml by the deploy tool's preview and verify and by our own checks; needs Node.js
	@for tool in node npm; do command -v $$tool >/dev/null || { echo "make verify-deploy: $$tool is missing: install Node.js 18 or later" >&2; exit 2; }; done
	go test -timeout $(TIMEOUT) -count=1 $(if $(ARGS),$(ARGS),-v -run 'Preview|Verify|Mistakes|Pass|Room') ./deploy

.PHONY: bench
bench: build ## the benchmarks; ARGS for `qianfan bench`
	@exec build/qianfan bench $(ARGS)

# One after the other: a fuzzer takes all cores. What it finds lies in the package's testdata/fuzz and belongs into the repository.
.PHONY: fuzz
fuzz: ## every fuzz target for a while each: ARGS=30s
	@for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' client functions local shared | sort); do \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*)\(f .*/\1/p' "$$file"); do \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(if $(ARGS),$(ARGS),30s) -fuzzminimizetime 10x "./$$(dirname "$$file")"; \
		done; \
	done

# The linter on PATH serves if it is the pinned one; otherwise go builds that, which takes minutes once.
.PHONY: lint
lint: ## golangci-lint with the import rules; ARGS for `golangci-lint run`
	@if [ "$$(golangci-lint version --short 2>/dev/null)" = $(GOLANGCI_VERSION) ]; then \
		exec golangci-lint run $(ARGS); \
	else \
		exec go run $(GOLANGCI_PACKAGE)@v$(GOLANGCI_VERSION) run $(ARGS); \
	fi
