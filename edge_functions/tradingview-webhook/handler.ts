/**
 * Take one TradingView alert: `POST /tradingview-webhook/{token}`.
 *
 * The same door as the API's `POST /webhooks/tradingview/{token}`, by the same procedure: the
 * bytes are stored as they came, a repetition is recognised, and 200 says that this is committed.
 * A body is not understood here; the intake worker reads it, so that there is one reader only.
 */

import { encodeBase64 } from "../_shared/base64.ts";
import {
  answered,
  type Door,
  type Origin,
  readBody,
  senderOf,
  sha256,
  tokenOf,
} from "../_shared/door.ts";
import { problem, refusal } from "../_shared/problem.ts";
import { isFields } from "../_shared/signal.ts";
import { uuid7 } from "../_shared/uuid7.ts";

export const NAME = "tradingview-webhook";

export async function takeAlert(request: Request, origin: Origin, door: Door): Promise<Response> {
  if (request.method !== "POST") return problem(405, "edge.method", "an alert is a POST");
  const token = tokenOf(request, NAME);
  if (token === null) return refusal("TR201");
  const receivedAt = new Date();
  const body = await readBody(request);
  if (body === null) return refusal("TR203");
  const item = {
    i: 0,
    token_sha256: await sha256(token),
    body: encodeBase64(body),
    content_type: request.headers.get("content-type"),
    remote_address: senderOf(request, origin, door.environment),
    // Made before the first try: calling again after a lost answer says and does the same.
    alert_id: uuid7(receivedAt.getTime()),
    received_at: receivedAt.toISOString(),
  };
  return answered(store(item, door), door.answerMs);
}

type Item = { [name: string]: string | number | null };

async function store(item: Item, door: Door): Promise<Response> {
  const answer = await twice(() => door.database.call("intake.accept_alerts", [item]));
  const [accepted] = Array.isArray(answer) ? answer : [];
  if (!isFields(accepted)) throw new TypeError("no answer of the procedure");
  const { status, code, alert_id } = accepted;
  if (status === "refused") return refusal(String(code));
  if (status === "accepted") door.afterwards(door.database.wake("intake"));
  return Response.json({ status, alert_id });
}

/** Try once more where a session was lost on the way: the pooler restarts, the database fails over. */
async function twice<Value>(attempt: () => Promise<Value>): Promise<Value> {
  try {
    return await attempt();
  } catch (error) {
    const code = String((error as { code?: unknown } | null)?.code ?? "");
    if (!LOST.has(code)) throw error;
    return await attempt();
  }
}

const LOST = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "ECONNRESET",
  "EPIPE",
  "57P01", // the server shuts down or this session was ended
  "40P01",
  "40001",
]);
