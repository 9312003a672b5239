import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { doorOf, lost } from "../testing/memory.ts";
import { takeAlert } from "./handler.ts";

const ORIGIN = { remoteAddress: "10.0.0.1" };
const BODY = ' {"ticker": "EURUSD", "action": "buy"}\n';

function post(body: BodyInit = BODY, path = "/tradingview-webhook/a-token", headers = {}): Request {
  return new Request(`http://edge${path}`, { method: "POST", body, headers });
}

function accepted(status = "accepted") {
  return () => Promise.resolve([{ i: 0, status, alert_id: "0199", source_id: "tv" }]);
}

Deno.test("an alert is handed on as it came, and its token only as a hash", async () => {
  const { door, asked, woken } = doorOf([accepted()]);
  const response = await takeAlert(post(), ORIGIN, door);
  deepStrictEqual([response.status, await response.json()], [200, {
    status: "accepted",
    alert_id: "0199",
  }]);
  const [item] = asked[0]?.argument as Record<string, string>[];
  strictEqual(atob(item?.["body"] ?? ""), BODY);
  strictEqual(item?.["content_type"], "text/plain;charset=UTF-8");
  match(item?.["token_sha256"] ?? "", /^[0-9a-f]{64}$/);
  match(item?.["alert_id"] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  strictEqual(JSON.stringify(asked).includes("a-token"), false);
  deepStrictEqual(woken, ["intake"]);
});

Deno.test("a repetition is answered like the first and wakes nobody", async () => {
  const { door, woken } = doorOf([accepted("duplicate")]);
  const response = await takeAlert(post(), ORIGIN, door);
  deepStrictEqual([response.status, (await response.json()).status], [200, "duplicate"]);
  deepStrictEqual(woken, []);
});

Deno.test("bytes that are no text arrive unchanged", async () => {
  const { door, asked } = doorOf([accepted()]);
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  await takeAlert(post(bytes), ORIGIN, door);
  const [item] = asked[0]?.argument as Record<string, string>[];
  deepStrictEqual(Uint8Array.from(atob(item?.["body"] ?? ""), (c) => c.charCodeAt(0)), bytes);
});

Deno.test("a body may be 64 KiB and not a byte more", async () => {
  const { door, asked } = doorOf([accepted()]);
  strictEqual((await takeAlert(post("x".repeat(65_536)), ORIGIN, door)).status, 200);
  strictEqual((await takeAlert(post("x".repeat(65_537)), ORIGIN, door)).status, 413);
  strictEqual(asked.length, 1);
});

for (
  const [code, status] of [["TR201", 404], ["TR202", 410], ["TR204", 429], ["TR250", 403], [
    "TR999",
    403,
  ]] as const
) {
  Deno.test(`refusal ${code} is answered ${status}, which TradingView does not repeat`, async () => {
    const { door } = doorOf([() => Promise.resolve([{ i: 0, status: "refused", code }])]);
    const response = await takeAlert(post(), ORIGIN, door);
    deepStrictEqual([response.status, (await response.json()).code], [status, code]);
  });
}

for (
  const path of ["/tradingview-webhook", "/tradingview-webhook/", "/tradingview-webhook/a/b", "/"]
) {
  Deno.test(`a path without one token is nobody's: ${path}`, async () => {
    const { door, asked } = doorOf([]);
    strictEqual((await takeAlert(post(BODY, path), ORIGIN, door)).status, 404);
    strictEqual(asked.length, 0);
  });
}

Deno.test("only POST is an alert", async () => {
  const { door } = doorOf([]);
  const request = new Request("http://edge/tradingview-webhook/a-token");
  strictEqual((await takeAlert(request, ORIGIN, door)).status, 405);
});

Deno.test("a lost session is tried once more under the same id", async () => {
  const { door, asked } = doorOf([lost("CONNECTION_CLOSED"), accepted()]);
  strictEqual((await takeAlert(post(), ORIGIN, door)).status, 200);
  const ids = asked.map(({ argument }) => (argument as { alert_id: string }[])[0]?.alert_id);
  deepStrictEqual([ids.length, new Set(ids).size], [2, 1]);
});

for (
  const [what, answers] of [
    ["refuses connections", [lost("ECONNREFUSED")]],
    ["loses the session twice", [lost("ECONNRESET"), lost("ECONNRESET")]],
    ["raises", [lost("XX000")]],
    ["never answers", [() => new Promise<never>(() => {})]],
    ["answers nonsense", [() => Promise.resolve("?")]],
  ] as const
) {
  Deno.test(`a database that ${what} gets a 503, which TradingView repeats`, async () => {
    const { door } = doorOf([...answers]);
    const response = await takeAlert(post(), ORIGIN, door);
    deepStrictEqual([response.status, (await response.json()).code], [503, "database.unavailable"]);
  });
}

for (
  const [hops, header, sender] of [
    [undefined, "52.89.214.238", "10.0.0.1"],
    ["1", "6.6.6.6, 52.89.214.238", "52.89.214.238"],
    ["2", "52.89.214.238, 172.16.0.1", "52.89.214.238"],
    ["1", "2001:db8::1", "2001:db8::1"],
    ["1", "unknown", null],
    ["3", "52.89.214.238", null],
  ] as const
) {
  Deno.test(`the sender behind ${hops ?? "no"} trusted proxies of "${header}"`, async () => {
    const { door, asked } = doorOf(
      [accepted()],
      hops === undefined ? {} : { EDGE_TRUSTED_HOPS: hops },
    );
    await takeAlert(
      post(BODY, undefined, { "x-forwarded-for": header }),
      ORIGIN,
      door,
    );
    strictEqual((asked[0]?.argument as { remote_address: string }[])[0]?.remote_address, sender);
  });
}
