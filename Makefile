# SPDX-License-Identifier: LGPL-2.1-or-later
# Every habit is one word. `make help` lists them.

CARGO ?= cargo
PREFIX ?= /usr
LIBEXECDIR ?= $(PREFIX)/libexec
export CARGO_TERM_COLOR ?= auto
LOCKED := $(if $(CI),--locked,)

.PHONY: all help deps demo check check-host codecheck unit ui install devel-install devel-uninstall rpm bench clean

all: bridge ui  ## build the program and the page (release)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 18

.PHONY: bridge
bridge:  ## build the release binary
	$(CARGO) build --release $(LOCKED)

ui: cockpit-ui/node_modules/.stamp  ## build the page into cockpit-ui/dist
	cd cockpit-ui && node build.js

cockpit-ui/node_modules/.stamp: cockpit-ui/package-lock.json
	cd cockpit-ui && npm ci --no-audit --no-fund
	touch $@
