/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useState } from "react";

import { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle";
import { Select, SelectList, SelectOption } from "@patternfly/react-core/dist/esm/components/Select";
import cockpit from "cockpit";

import { POPPER } from "./popper";
import { PROFILES } from "./report";
import type { Profile } from "./report";
import { profileDescription, profileText } from "./texts";

const _ = cockpit.gettext;

/** How strict the judge is. */
export function ProfileSelect({ profile, choose }: { profile: Profile, choose: (profile: Profile) => void }) {
    const [open, setOpen] = useState(false);
    return (
        <Select id="profile-menu" isOpen={open} onOpenChange={setOpen} selected={profile} shouldFocusToggleOnSelect
                popperProps={POPPER} onSelect={(_event, value) => {
                    setOpen(false);
                    const choice = PROFILES.find(p => p === value);
                    if (choice)
                        choose(choice);
                }}
                toggle={ref => (
                    <MenuToggle ref={ref} id="profile" isExpanded={open} onClick={() => setOpen(!open)}
                                data-profile={profile}
                                aria-label={cockpit.format(_("Judged as: $0"), profileText(profile))}>
                        {profileText(profile)}
                    </MenuToggle>
                )}>
            <SelectList aria-label={_("Profile")}>
                {PROFILES.map(p => (
                    <SelectOption key={p} value={p} description={profileDescription(p)} isSelected={p === profile}>
                        {profileText(p)}
                    </SelectOption>
                ))}
            </SelectList>
        </Select>
    );
}
