import { deepStrictEqual, strictEqual } from "node:assert/strict";
import document from "../../contracts/normalization/cases.json" with { type: "json" };
import { doorOf } from "../testing/memory.ts";
import { normalizeSignal } from "./handler.ts";

const ORIGIN = { remoteAddress: "127.0.0.1" };
const AT = "2026-03-04T10:00:59.000000Z";
const SIGNAL = { symbol_raw: "EURUSD.m", side: "BUY", order_type: "market", received_at: AT };
const FACTS = {
  i: 0,
  instruments: document.instruments,
  policy: document.policy,
  max_age_ms: 300_000,
  quotes: { EURUSD: { bid: "1.09998", ask: "1.10002", as_of: AT } },
};

function post(body: unknown, path = "/functions/v1/normalize-signal/a-token"): Request {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new Request(`http://edge${path}`, { method: "POST", body: text });
}

function answering(facts: unknown) {
  return doorOf([() => Promise.resolve([facts])]);
}

Deno.test("a signal is answered in the desk's own words, by the desk's own quote", async () => {
  const { door, asked } = answering(FACTS);
  const signal = { ...SIGNAL, stop_distance: { value: "20", unit: "pips" } };
  const response = await normalizeSignal(post(signal), ORIGIN, door);
  const outcome = await response.json();
  deepStrictEqual([outcome.symbol, outcome.stop_loss], ["EURUSD", "1.09802"]);
  strictEqual(asked[0]?.procedure, "intake.token_normalization_facts");
  strictEqual(JSON.stringify(asked).includes("a-token"), false);
});

Deno.test("the source's own age limit holds where it is the stricter one", async () => {
  const { door } = answering({ ...FACTS, max_age_ms: 10_000 });
  const signal = { ...SIGNAL, source_time: "2026-03-04T10:00:00.000000Z" };
  const response = await normalizeSignal(post(signal), ORIGIN, door);
  strictEqual((await response.json()).code, "ALERT_TOO_OLD");
});

for (
  const [body, detail] of [
    ["not json", "the body is no JSON object"],
    ["[]", "the body is no JSON object"],
    ["\xff", "the body is no JSON object"],
    [{ ...SIGNAL, side: "buy" }, "side: one of BUY, SELL"],
    [{ ...SIGNAL, price: 1.1 }, "price: a string is needed"],
    [{ ...SIGNAL, price: "1e5" }, "price: not a plain decimal number"],
    [{ ...SIGNAL, price: "-1" }, "price: not above zero"],
    [
      { ...SIGNAL, stop_distance: { value: "1", unit: "furlongs" } },
      "unit: one of pips, percent, price",
    ],
    [{ ...SIGNAL, source_time: "2026-02-30T10:00:00Z" }, "source_time: no such day or hour"],
    [{ ...SIGNAL, leverage: "100" }, "leverage: no such field"],
    [{ ...SIGNAL, quote: null }, "quote: the desk has its own"],
    [{ side: "BUY", order_type: "market" }, "symbol_raw: missing"],
  ] as const
) {
  Deno.test(`malformed is refused before anybody is asked: ${detail}`, async () => {
    const { door, asked } = doorOf([]);
    const response = await normalizeSignal(post(body), ORIGIN, door);
    deepStrictEqual([response.status, (await response.json()).title], [422, detail]);
    strictEqual(asked.length, 0);
  });
}

Deno.test("an unknown token is refused", async () => {
  const { door } = answering({ i: 0, status: "refused", code: "TR201" });
  strictEqual((await normalizeSignal(post(SIGNAL), ORIGIN, door)).status, 404);
});

Deno.test("without an active pack nobody can say how a signal is read", async () => {
  const { door } = answering({ ...FACTS, policy: null });
  strictEqual((await normalizeSignal(post(SIGNAL), ORIGIN, door)).status, 503);
});
