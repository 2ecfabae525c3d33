/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* index.html: the Security view of a VM, and, hidden, the hook into the Virtual machines page. */

import { loadWhenShown } from "./loader";
import { hookIntoMachines } from "./machines-card";

loadWhenShown();
hookIntoMachines();
