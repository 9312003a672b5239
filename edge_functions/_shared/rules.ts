/** The rules of normalisation: the very file that the Normalizer in Python reads. */

import rules from "../../contracts/normalization/rules.json" with { type: "json" };

export const RULES = rules;

export type RefusalCode = keyof typeof rules.refusals;
export type Lifecycle = keyof typeof rules.lifecycle;
