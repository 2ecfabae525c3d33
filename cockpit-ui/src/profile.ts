/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How strict to be: chosen once in a browser, for both pages and the card. */

import { PROFILES } from "./report";
import type { Profile } from "./report";

export const PROFILE_KEY = "vm-security:profile";
const DEFAULT_PROFILE: Profile = "server";

export function storedProfile(): Profile {
    return PROFILES.find(p => p === localStorage.getItem(PROFILE_KEY)) ?? DEFAULT_PROFILE;
}
