/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { Alert } from "@patternfly/react-core/dist/esm/components/Alert";
import type { AlertProps } from "@patternfly/react-core/dist/esm/components/Alert";
import cockpit from "cockpit";

const _ = cockpit.gettext;

/** What is said before the title to who does not see the sign. */
const LABELS = { danger: () => _("Problem:"), warning: () => _("Warning:"), info: () => _("Note:") };

/** PatternFly's alert, whose own words are English and whose title has a level that fits no page of ours. */
export function Notice({ variant, ...props }: Omit<AlertProps, "component" | "variant" | "variantLabel"> & {
    variant: keyof typeof LABELS,
}) {
    return <Alert component="h2" variant={variant} variantLabel={LABELS[variant]()} {...props} />;
}
