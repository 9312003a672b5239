import { strictEqual, throws } from "node:assert/strict";
import { canonical } from "./canonical.ts";
import { Misconfigured, openDatabase } from "./database.ts";
import { Decimal } from "./decimal.ts";
import { readInstant, writeInstant } from "./instant.ts";
import { uuid7 } from "./uuid7.ts";

Deno.test("canonical JSON sorts keys and takes no fractions", () => {
  strictEqual(
    canonical({ b: [1, null], a: { "\u00e9": "\n", "10": true, "9": "" } }),
    '{"a":{"10":true,"9":"","\u00e9":"\\n"},"b":[1,null]}',
  );
  throws(() => canonical({ price: 1.1 }), TypeError);
});

Deno.test("decimals keep their digits", () => {
  strictEqual(`${Decimal.of("0.1").plus(Decimal.of("0.20"))}`, "0.30");
  strictEqual(`${Decimal.of("1.1").times(Decimal.of("-0.01"))}`, "-0.011");
  strictEqual(`${Decimal.of("123").onStep(Decimal.of("10"))}`, "120");
  strictEqual(`${Decimal.of("0.75").onStep(Decimal.of("0.5"))}`, "1.0");
  for (const text of ["", "1.", ".5", "1e5", "+1", "NaN", "١", "1 "]) {
    throws(() => Decimal.of(text), RangeError);
  }
});

Deno.test("instants keep their microseconds", () => {
  for (const text of ["2026-11-21T03:42:59.123456Z", "1969-12-31T23:59:59.999999Z"]) {
    strictEqual(writeInstant(readInstant(text)), text);
  }
  const written = writeInstant(readInstant("2026-03-04T12:00:00.5+02:00"));
  strictEqual(written, "2026-03-04T10:00:00.500000Z");
  for (const text of ["2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00"]) {
    throws(() => readInstant(text), RangeError);
  }
});

Deno.test("ids made one after another sort that way", () => {
  const ids = [1, 2, 1_800_000_000_000].map(uuid7);
  strictEqual(ids.toSorted().join(), ids.join());
});

for (
  const [why, url] of [
    ["nothing", undefined],
    ["no URL", "somewhere"],
    ["the owner's URL", "postgres://desk_owner:x@127.0.0.1/desk"],
    ["Supabase's superuser", "postgres://postgres.abcdefgh:x@pooler.supabase.com:6543/postgres"],
    ["nobody's URL", "postgres://127.0.0.1/desk"],
  ] as const
) {
  Deno.test(`a function does not start on ${why}`, () => {
    throws(() => openDatabase({ get: () => url }, "a-test"), Misconfigured);
  });
}
