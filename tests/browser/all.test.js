/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All browser tests, one after the other in one process: they share a browser, and a bed that some of them change.
 * Those which disturb libvirt come last. Run by tests/in-bed.sh.
 */

import { after } from "node:test";

import { closeBrowser } from "./lib/session.js";

import "./preload.js";
import "./card.js";
import "./view.js";
import "./tabs.js";
import "./picture.js";
import "./evidence.js";
import "./overview.js";
import "./compare.js";
import "./waivers.js";
import "./status.js";
import "./access.js";
import "./keyboard.js";
import "./axe.js";
import "./looks.js";
import "./languages.js";
import "./live.js";
import "./hostile.js";
import "./robust.js";
import "./figures.js";
import "./thousand.js";
import "./outages.js";

after(closeBrowser);
