/* SPDX-License-Identifier: LGPL-2.1-or-later */

import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["dist/", "node_modules/"] },
    tseslint.configs.base,
    {
        files: ["src/**/*.{ts,tsx}", "test/**/*.ts"],
        extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
        languageOptions: { parserOptions: { projectService: true } },
        rules: {
            // arrow functions that only call are how handlers are written here
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/consistent-type-definitions": "off",
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            // "" is as good as missing for what the bridge may leave out
            "@typescript-eslint/prefer-nullish-coalescing": "off",
            // tsconfig's noPropertyAccessFromIndexSignature idea: data["key"] says that the key is not ours
            "@typescript-eslint/dot-notation": "off",
            "@typescript-eslint/no-empty-function": "off",
        },
    },
    {
        files: ["src/**/*.tsx"],
        extends: [reactHooks.configs.flat.recommended, jsxA11y.flatConfigs.recommended],
        rules: { "react-hooks/exhaustive-deps": "error" },
    },
    {
        rules: {
            eqeqeq: "error",
            "max-len": ["error", { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true }],
            "no-eval": "error",
            "no-restricted-imports": ["error", {
                // the barrels would bundle all of PatternFly
                paths: ["@patternfly/react-core", "@patternfly/react-table", "@patternfly/react-icons"]
            }],
            "no-var": "error",
            "prefer-const": "error",
        },
    },
);
