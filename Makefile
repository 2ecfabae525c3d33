# SPDX-License-Identifier: LGPL-2.1-or-later
# Every habit is one word. `make help` lists them.

CARGO ?= cargo
PREFIX ?= /usr
LIBEXECDIR ?= $(PREFIX)/libexec
# Where Cockpit looks for programs; found out where it is not said (packaging/install.sh).
COCKPIT_LIBEXECDIR ?=
# Which Cockpit the demo shows: 287 (the C bridge) or 337 (the Python bridge).
COCKPIT ?= 287
# Whether the host of check-host boots with SELinux enforcing: 1, or 0 for permissive.
ENFORCING ?= 1
# What is fuzzed (a directory of tests/fuzz/corpus, or all), and how long each.
TARGET ?= all
SECONDS ?= 60
# What is mutated: files of bridge/src/checks, or all.
FILES ?=
export CARGO_TERM_COLOR ?= auto
LOCKED := $(if $(CI),--locked,)
PROGRAM := target/release/cockpit-vm-security
STAGE := target/stage
# Files of tests/testbed/lib are read through the scripts that source them.
SHELL_FILES := $(shell git ls-files '*.sh' ':!tests/testbed/lib' tests/testbed/bed tests/testbed/demo 2>/dev/null)

.PHONY: all
all: bridge ui  ## build the program and the page

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 18

.PHONY: deps
deps:  ## install what building and testing need and this machine lacks
	tests/deps.sh

.PHONY: bridge
bridge:  ## build the release binary
	$(CARGO) build --release $(LOCKED)

.PHONY: ui
ui: cockpit-ui/node_modules/.stamp  ## build the page into cockpit-ui/dist
	cd cockpit-ui && npm run --silent build

cockpit-ui/node_modules/.stamp: cockpit-ui/package-lock.json
	cd cockpit-ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# What is installed in the test bed and in the demo: Debian's Cockpit looks elsewhere than /usr/libexec.
.PHONY: stage
stage: all
	rm -rf $(STAGE)
	DESTDIR=$(STAGE) COCKPIT_LIBEXECDIR=/usr/lib/cockpit packaging/install.sh

.PHONY: demo
demo: deps  ## show it: a private host with three VMs and Cockpit on a loopback port, until Ctrl-C
	@$(MAKE) --no-print-directory stage
	@COCKPIT=$(COCKPIT) tests/testbed/demo $(STAGE)

.PHONY: check
check: deps  ## all tests: code, units, specifications, protocol, package, real hosts, browser
	@$(MAKE) --no-print-directory codecheck unit
	@$(MAKE) --no-print-directory stage
	tests/in-bed.sh $(STAGE)
	@$(MAKE) --no-print-directory package-check

.PHONY: codecheck
codecheck: cockpit-ui/node_modules/.stamp  ## formatting, clippy, types, eslint, stylelint, translations, shellcheck
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets $(LOCKED) -- -D warnings
	$(CARGO) clippy --test bridges --test host --test selinux_host $(LOCKED) -- -D warnings
	cd cockpit-ui && npm run --silent typecheck && npm run --silent eslint && npm run --silent stylelint
	for po in cockpit-ui/po/*.po; do msgfmt --check --output-file=/dev/null "$$po" || exit; done
	shellcheck -x -S warning $(SHELL_FILES)
	tests/source-rules.sh

.PHONY: unit
unit: cockpit-ui/node_modules/.stamp  ## unit tests, executable specifications, protocol transcripts, libvirt's test driver
	$(CARGO) test $(LOCKED)
	cd cockpit-ui && npm run --silent test

.PHONY: pot
pot: cockpit-ui/node_modules/.stamp  ## gather all that is to be translated in cockpit-ui/po/vm-security.pot
	cd cockpit-ui && node po/pot.js

.PHONY: metainfo
metainfo: cockpit-ui/node_modules/.stamp  ## put the translations into packaging/*.metainfo.xml
	cd cockpit-ui && node po/metainfo.js

.PHONY: fuzz
fuzz:  ## libFuzzer on one reader of hostile input, or all: TARGET= SECONDS=
	tests/fuzz/run.sh '$(TARGET)' '$(SECONDS)'

.PHONY: mutants
mutants:  ## mutation testing of the checks, by cargo-mutants' list: FILES=bridge/src/checks/vm/disks.rs
	tests/mutation/run.py $(FILES)

.PHONY: package-check
package-check: rpm  ## install the built RPM into an empty root and run what it installed
	tests/package.sh

.PHONY: check-host
check-host: deps  ## the audit and a browser pass inside a full host under SELinux (slow; not part of check)
	@$(MAKE) --no-print-directory stage
	ENFORCING='$(ENFORCING)' tests/selinux-host/check.sh $(STAGE)

.PHONY: install
install:  ## install what was built: DESTDIR= PREFIX= LIBEXECDIR= COCKPIT_LIBEXECDIR=
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBEXECDIR='$(LIBEXECDIR)' COCKPIT_LIBEXECDIR='$(COCKPIT_LIBEXECDIR)' packaging/install.sh

.PHONY: devel-install
devel-install: ui  ## show your own Cockpit this working tree
	$(CARGO) build $(LOCKED)
	packaging/devel.sh install

.PHONY: devel-uninstall
devel-uninstall:
	packaging/devel.sh uninstall

.PHONY: rpm
rpm: ui  ## build the RPM from HEAD into target/rpm
	packaging/rpm.sh

.PHONY: bench
bench: stage  ## speed and memory, beside what libvirt itself costs
	$(CARGO) build --release $(LOCKED) --example floor
	tests/bench/run.sh

.PHONY: clean
clean:
	rm -rf target cockpit-ui/dist cockpit-ui/node_modules
