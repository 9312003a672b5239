/**
 * Say how the desk would read a signal: `POST /normalize-signal/{token}`, nothing is stored.
 *
 * Body: `symbol_raw`, `side`, `order_type` and, as the sender has them, `exchange`, `price`,
 * `stop_loss`, `take_profit`, `stop_distance`, `take_distance`, `timeframe`, `source_time`,
 * `received_at`. The answer is what the Normalizer would make of it now, byte for byte: the
 * signal in the desk's own words, or why a person would have to look. For whoever writes
 * alerts, and for other doors that want to know before they post.
 */

import { canonical } from "../_shared/canonical.ts";
import { answered, type Door, type Origin, readBody, sha256, tokenOf } from "../_shared/door.ts";
import { now, writeInstant } from "../_shared/instant.ts";
import { InstrumentRegistry, type InstrumentRow, readInstrument } from "../_shared/instruments.ts";
import { normalize, type NormalizePolicy } from "../_shared/normalize.ts";
import { problem, refusal } from "../_shared/problem.ts";
import {
  type Fields,
  isFields,
  MalformedSignal,
  readQuote,
  readSignal,
} from "../_shared/signal.ts";

export const NAME = "normalize-signal";

export async function normalizeSignal(
  request: Request,
  _origin: Origin,
  door: Door,
): Promise<Response> {
  if (request.method !== "POST") return problem(405, "edge.method", "a signal is a POST");
  const token = tokenOf(request, NAME);
  if (token === null) return refusal("TR201");
  const body = await readBody(request);
  if (body === null) return refusal("TR203");
  try {
    const fields = readObject(body);
    const signal = readSignal({ received_at: writeInstant(now()), ...fields });
    if (fields["quote"] !== undefined) throw new MalformedSignal("quote: the desk has its own");
    const item = {
      i: 0,
      token_sha256: await sha256(token),
      symbol_raw: signal.symbolRaw,
      exchange: signal.exchange,
    };
    const work = door.database.call("intake.token_normalization_facts", [item]).then((answer) => {
      const [facts] = Array.isArray(answer) ? answer : [];
      if (!isFields(facts)) throw new TypeError("no answer of the procedure");
      if (facts["status"] === "refused") return refusal(String(facts["code"]));
      return outcome(signal, facts);
    });
    return await answered(work, door.answerMs);
  } catch (error) {
    if (!(error instanceof MalformedSignal)) throw error;
    return problem(422, "signal.malformed", error.message);
  }
}

function outcome(signal: ReturnType<typeof readSignal>, facts: Fields): Response {
  const policy = facts["policy"] as (NormalizePolicy & Fields) | null;
  if (policy === null) {
    return problem(503, "policy.missing", "no active pack says how to read alerts");
  }
  const registry = new InstrumentRegistry(
    (facts["instruments"] as InstrumentRow[]).map(readInstrument),
  );
  const named = registry.resolve(signal.symbolRaw, signal.exchange);
  const quotes = (facts["quotes"] ?? {}) as Fields;
  const quote = named === null ? null : readQuote(quotes[named.symbol]);
  // The stricter of the source's own limit and the pack's, as the Normalizer has it.
  const sourceAge = Math.floor(Number(facts["max_age_ms"]) / 1000);
  const found = normalize({ ...signal, quote }, registry, {
    ...policy,
    source_age_s_max: Math.min(policy.source_age_s_max, sourceAge),
  });
  return new Response(canonical(found), { headers: { "content-type": "application/json" } });
}

function readObject(body: Uint8Array): Fields {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    if (isFields(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new MalformedSignal("the body is no JSON object");
}
