# SPDX-License-Identifier: Apache-2.0
# “make” alone prints the targets.
.DEFAULT_GOAL := help
.PHONY: help setup build test check format e2e faults bench demo completions man install uninstall deb fresh fresh-deb clean

PREFIX ?= /usr/local
DESTDIR ?=
# fish looks below /usr, not below /usr/local (fish 3.6, Debian 12); what an administrator adds belongs into /etc.
fish_completions ?= $(if $(filter /usr,$(PREFIX)),/usr/share/fish/vendor_completions.d,/etc/fish/completions)
# Swift from where its own tarball is usually unpacked, when it is not on the PATH.
export PATH := $(PATH):/opt/swift/usr/bin:/usr/share/swift/usr/bin
release := .build/release/kecsctl
# Everything but the system's C libraries is in the executable.
swift_release := swift build -c release --product kecsctl --static-swift-stdlib -Xswiftc -Osize

help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the packages that building and the demo need; says how to get Swift
	@scripts/setup

build: setup ## build the program: .build/release/kecsctl
	$(swift_release)

test: ## build and run the checks and the tests
	@scripts/setup tests
	@scripts/test

check: ## only the checks of style: swift format, shellcheck
	@scripts/setup tests
	@scripts/check

format: ## format the sources
	swift format format -i -r Sources Tests Package.swift

e2e: ## recover into a real k3d cluster; skipped where there is no k3d
	@[ ! -x .build/debug/standin ] || scripts/e2e --stand-ins .build/debug/kecsctl
	@scripts/e2e

faults: ## kill the program at its system calls, and make them fail; all of it with KECSCTL_FAULTS=full
	@scripts/setup tests
	@scripts/faults

bench: build ## compare with tar, pigz, zstd, restic and borg
	@Benchmarks/compare $(release)

demo: build ## run the main job with real data, and show each command
	@scripts/demo $(release)

completions: ## write completions/ from the program
	@scripts/build-debug --product kecsctl
	@scripts/completions "$$(swift build --show-bin-path)/kecsctl" completions

man: ## write man/ from the program
	@scripts/build-debug --product kecsctl
	@rm -f man/*.1
	@"$$(swift build --show-bin-path)/kecsctl" __man man

install: ## install under PREFIX (/usr/local) what “make build” has built
	@test -x $(release) || { echo "run “make build” first" >&2; exit 1; }
	install -D -m 755 $(release) $(DESTDIR)$(PREFIX)/bin/kecsctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 man/*.1
	install -D -m 644 completions/kecsctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/kecsctl
	install -D -m 644 completions/_kecsctl $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_kecsctl
	install -D -m 644 completions/kecsctl.fish $(DESTDIR)$(fish_completions)/kecsctl.fish

deb: build ## pack it as a Debian package: .build/kecsctl_VERSION_ARCH.deb
	@scripts/deb $(release)

fresh: ## the README's first command on a minimal Debian of its own; takes a quarter of an hour
	@scripts/fresh

fresh-deb: deb ## install the Debian package on a minimal Debian of its own, and use it there
	@scripts/fresh-deb

uninstall: ## remove what “make install” put there
	rm -f $(DESTDIR)$(PREFIX)/bin/kecsctl $(DESTDIR)$(PREFIX)/share/man/man1/kecsctl.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/kecsctl-*.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/kecsctl \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_kecsctl \
	    $(DESTDIR)$(fish_completions)/kecsctl.fish

clean: ## remove what was built
	rm -rf .build
