# drover: everything here needs Go and make, nothing else. `make help` lists the targets.

GO      ?= go
BIN     ?= bin/drover
DIRS    := cmd profiles report scenarios sim
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The platforms that drover is built and vetted for beside the one it is tested on. One of each system and each processor is
# enough: nothing here depends on the pair. Not a part of test: from an empty cache it takes two minutes and more of CI's fifteen.
PLATFORMS := darwin/arm64 windows/amd64

# FUZZTIME is how long each fuzz target runs, BENCH which benchmarks run.
FUZZTIME ?= 10s
BENCH    ?= .

.DEFAULT_GOAL := help
.PHONY: help run build test test-backends test-million cross lint bench bench-peers fuzz golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## drive the smoke scenario at the embedded backend, about 20 s
	@$(BIN) run smoke

build: ## one static binary, bin/drover
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/drover

# The race detector needs cgo and a C compiler (CGO_ENABLED is 0 by itself where Go finds none). Without one the tests
# still run, but say that they prove less; in CI that is an error. lint has vet, which here would read all dependencies once more.
test: ## all tests under the race detector; what CI runs
	@race=-race; \
	cc=$$($(GO) env CC); \
	if [ "$$($(GO) env CGO_ENABLED)" != 1 ] || ! command -v "$${cc%% *}" >/dev/null 2>&1; then \
		echo "*** no C compiler: the tests run WITHOUT the race detector; install gcc or clang ***" >&2; \
		if [ "$$CI" = true ]; then exit 1; fi; \
		race=; \
	fi; \
	echo $(GO) test $$race -vet=off -timeout 14m ./...; \
	$(GO) test $$race -vet=off -timeout 14m ./...

# Servers are built from Go modules, of pinned versions, into the user's cache: the first time takes minutes more. REAL picks some,
# e.g. REAL=VictoriaLogs/loki/settled. Where one cannot be built its tests are skipped loudly; in CI that is an error.
REAL ?= .*
test-backends: ## 20,000 events at real servers, settled; kill -9 and restart; a wrong credential. about forty minutes
	DROVER_BACKENDS=1 $(GO) test -count=1 -timeout 80m -run 'TestReal(Backends|Messages)/$(REAL)' ./cmd/drover -v

# Each of the defects, planted in a run of more than a million events and found in just that number. ROW picks some, e.g. ROW=lose or ROW='lie|leak';
# one that picks none fails and lists them.
ROW ?= .*
test-million: ## every defect among a million events, found in exact numbers; about half an hour
	DROVER_MILLION=1 $(GO) test -count=1 -timeout 3h -run 'TestPlantedIsFoundInAMillion/$(ROW)' ./cmd/drover -v

cross: ## build and vet for darwin on arm64 and for windows
	@set -e; for p in $(PLATFORMS); do \
		echo "build and vet for $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./...; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./...; \
	done

# LINTFLAGS=-race has the static checks compile packages as make test does, which then finds them made: CI does so.
lint: ## gofmt, go vet and staticcheck
	@out=$$(gofmt -l $(DIRS)) || exit 1; \
	if [ -n "$$out" ]; then echo "not formatted; run gofmt -w on:"; echo "$$out"; exit 1; fi
	GOFLAGS="$$GOFLAGS $(LINTFLAGS)" $(GO) vet ./...
	@tool=$$($(GO) tool -n staticcheck) || exit 1; \
	echo staticcheck ./...; \
	GOFLAGS="$$GOFLAGS $(LINTFLAGS)" "$$tool" ./...

bench: ## all benchmarks (BENCH=regexp picks some)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

# The first time builds vegeta and k6 into the user's cache, which takes minutes. PEERS is flags, e.g. PEERS='-rounds 9 -only max', or
# PEERS='-only soak' for half an hour that shows what memory does.
bench-peers: ## drover beside wrk, vegeta and k6 on this machine, about five minutes
	$(GO) run ./cmd/bench-peers $(PEERS)

fuzz: ## every fuzz target for 10 s (FUZZTIME=1m changes that)
	@list=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	echo "$$list" | awk '/^Fuzz/ { t[n++] = $$1; next } $$1 == "ok" { for (i = 0; i < n; i++) print $$2, t[i] } { n = 0 }' | \
	while read -r pkg target; do \
		echo "$$pkg $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null || exit 1; \
	done

golden: ## write the golden files anew; review the diff
	@set -e; for d in $$(grep -rl --include='*_test.go' 'flag.Bool("update"' $(DIRS) | xargs -n 1 dirname | sort -u); do \
		echo $(GO) test ./$$d -update; \
		$(GO) test ./$$d -update; \
	done

clean: ## remove what build made
	rm -rf bin
