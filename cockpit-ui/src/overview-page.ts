/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overview.html is only loaded when somebody goes there. */

import { showApp } from "./app";

showApp();
