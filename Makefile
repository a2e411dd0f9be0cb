MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
SHELL := bash
.SHELLFLAGS := -o errexit -o pipefail -o nounset -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ARCHES ?= amd64 arm64 arm ppc64le s390x riscv64
FUZZTIME ?= 60s
PACKAGES ?= ./...
E2EFLAGS ?=
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
ACTIONLINT ?= github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# The Dockerfile builds with the same; a test compares them. HTTP/2 of net/http is left out: the hook speaks HTTP/1 alone.
RELEASE := CGO_ENABLED=0 GOARM=6 GOFLAGS="-buildvcs=false -trimpath -tags=nethttpomithttp2"
GO_BUILD = $(RELEASE) go build -ldflags="-s -w -X main.version=$(VERSION)"
# What is built for this machine knows its revision, where there is one. What is published has the same bytes without version control.
GO_BUILD_HERE = $(GO_BUILD) -buildvcs=auto

# Tests and tools need no version control, and no settings of whoever runs them.
export GOFLAGS := -buildvcs=false

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: hook plugin ## build bin/prestop and bin/kubectl-prestop for this machine

.PHONY: hook
hook: ## build bin/prestop, the hook, for this machine
	$(GO_BUILD_HERE) -o bin/prestop ./cmd/prestop

.PHONY: plugin
plugin: ## build bin/kubectl-prestop, the kubectl plugin, for this machine
	$(GO_BUILD_HERE) -o bin/kubectl-prestop ./cmd/kubectl-prestop

.PHONY: cross
cross: $(ARCHES:%=dist/prestop-linux-%) ## build dist/prestop-linux-ARCH for each of ARCHES

.PHONY: FORCE
dist/prestop-linux-%: FORCE
	GOOS=linux GOARCH=$* $(GO_BUILD) -o $@ ./cmd/prestop

.PHONY: release
release: ## make dist/release for VERSION, as v1.2.3, from a clean checkout: all that is published, checked
	go run ./internal/packaging/release -version="$(VERSION)" -arches="$(ARCHES)"

.PHONY: reproducible
reproducible: ## make a release from two copies of the tree and compare their bytes
	internal/packaging/reproducible.sh "$$(go env GOHOSTARCH)"

.PHONY: image
image: ## build the Dockerfile with buildah, without a registry, and try the image (root, Debian)
	internal/packaging/image.sh "$(VERSION)"

.PHONY: test
test: lint vulncheck ## lint, vulncheck, and the tests of PACKAGES, of all by default, with the race detector; says what is skipped
	go test -race -timeout=20m -json $(PACKAGES) | go run ./internal/packaging/testlog

.PHONY: timing
timing: ## judge by the wall's clock how long things take; wants the machine for itself
	go test -count=1 -timeout=20m -tags=timing -p=1 ./cmd/prestop ./drain ./shutdown

.PHONY: growth
growth: ## hold how much CPU time grows with the input; without the race detector, which makes it slow and has nothing to find
	go test -count=1 -vet=off -run='^TestCostGrows' ./internal/...

.PHONY: attacks
attacks: ## 3,000 random plans on the built binary: none past its deadline, none short of a wait, each exit status as documented
	ATTACKS=3000 go test -count=1 -timeout=20m -run=TestAttacks ./cmd/prestop

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, actionlint
	unformatted=$$(gofmt -l .); [[ -z "$$unformatted" ]] || { echo "gofmt: $$unformatted"; exit 1; }
	for module in . e2e; do (cd $$module && go vet ./... && go run $(STATICCHECK) ./...); done
	go run $(ACTIONLINT) .github/workflows/*.yaml

.PHONY: vulncheck
vulncheck: ## govulncheck, where its data can be had
	internal/packaging/vulncheck.sh $(GOVULNCHECK)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME, one after the other
	internal/packaging/fuzz.sh $(FUZZTIME)

.PHONY: demo
demo: ## show what each way to stop a pod costs, and which to take, in a minute once it is built
	@echo "building the demo; the first time takes a minute"
	@mkdir -p bin
	@go run ./examples/rollout -svg bin/rollout.svg

.PHONY: rollouts
rollouts: ## hold what the demo promises against 20 seeds
	go run ./examples/rollout -seeds 20

.PHONY: bench
bench: ## measure the hook against a bash and curl one
	go run ./internal/bench

POLICIES ?= e2e/policy e2e/policy/v134 e2e/policy/kyverno
.PHONY: policy
policy: ## evaluate deploy/ as the API servers of 1.37 and 1.34 and Kyverno do, without a cluster
	for module in $(POLICIES); do (cd $$module && go vet -mod=mod . && go test -mod=mod -timeout=5m .); done

.PHONY: e2e
e2e: ## run the binary under a real kubelet (root, Debian); the last lines are a table of the cases
	cd e2e && go vet ./... && go test -c -o ../bin/e2e.test . && ../bin/e2e.test -test.v -test.parallel=12 -test.timeout=40m $(E2EFLAGS)

QUIETFLAGS ?=
.PHONY: quiet-table
quiet-table: ## run docs/quiet.md's table against real servers (root, Debian); QUIETFLAGS='-runs 1 -delays 2ms' is short
	cd e2e && go vet ./quiettable && go test ./quiettable && go build -o ../bin/quiettable ./quiettable && ../bin/quiettable $(QUIETFLAGS)

.PHONY: clean
clean: ## remove bin and dist
	rm -rf bin dist
