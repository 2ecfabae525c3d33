/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* esbuild takes style sheets out of the modules that import them. */
declare module "*.css";
