/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overview.html: the host and all its VMs, and, hidden, the mark in Cockpit's menu. */

import { loadWhenShown } from "./loader";
import { keepAnnouncing } from "./page-status";

loadWhenShown();
keepAnnouncing();
