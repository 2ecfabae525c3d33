/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useAddress } from "./use-address";
import type { Address } from "./use-address";
import { readView, writeView } from "./view-state";
import type { ViewState } from "./view-state";

export interface View extends ViewState, Omit<Address<ViewState>, "state"> {}

/** The view that the address names, and the way to another. */
export function useView(): View {
    const { state, ...ways } = useAddress(readView, writeView);
    return { ...state, ...ways };
}
