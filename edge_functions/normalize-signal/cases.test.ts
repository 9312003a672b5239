import { deepStrictEqual, strictEqual } from "node:assert/strict";
import document from "../../contracts/normalization/cases.json" with { type: "json" };
import { canonical, type Json } from "../_shared/canonical.ts";
import { normalizerOf } from "../testing/outcomes.ts";

for (const { name, signal, expected, ...own } of document.cases) {
  Deno.test(`case: ${name}`, () => {
    const policy = "policy" in own && own.policy ? own.policy : document.policy;
    const found = normalizerOf({ instruments: document.instruments, policy })(signal);
    deepStrictEqual(JSON.parse(found), expected);
    strictEqual(found, canonical(expected as unknown as Json));
  });
}
