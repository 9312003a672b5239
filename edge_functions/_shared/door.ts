/** What every function does with a request before its own work: token, body, sender, time limit. */

import type { Database, Environment } from "./database.ts";
import { problem } from "./problem.ts";

export const BODY_BYTES_MAX = 64 * 1024;

/** TradingView gives up after 3 s; it sends again what it got a 5xx for. */
export const ANSWER_MS = 2_500;

export interface Door {
  readonly database: Database;
  readonly environment: Environment;
  /** Let work outlive its answer. */
  readonly afterwards: (work: Promise<void>) => void;
  readonly answerMs?: number;
}

/** Where a request came from, as the server that took the connection says. */
export interface Origin {
  readonly remoteAddress: string | null;
}

/** Take the token behind the function's own name in the path; null if there is none. */
export function tokenOf(request: Request, functionName: string): string | null {
  const parts = new URL(request.url).pathname.split("/").filter((part) => part !== "");
  const own = parts.lastIndexOf(functionName);
  const token = parts[own + 1];
  if (own < 0 || token === undefined || parts.length !== own + 2) return null;
  try {
    return decodeURIComponent(token);
  } catch {
    return null;
  }
}

/** Read a body up to what an alert may be; null as soon as it is longer. */
export async function readBody(request: Request): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

/**
 * Name the sender: the socket's address, or what EDGE_TRUSTED_HOPS proxies in front wrote into
 * x-forwarded-for. What stands further left in that header was written by the sender.
 */
export function senderOf(request: Request, origin: Origin, environment: Environment) {
  const hops = Number(environment.get("EDGE_TRUSTED_HOPS") ?? "0");
  if (!Number.isSafeInteger(hops) || hops < 1) return origin.remoteAddress;
  const header = request.headers.get("x-forwarded-for") ?? "";
  const address = header.split(",").map((part) => part.trim()).at(-hops) ?? "";
  return isAddress(address) ? address : null;
}

function isAddress(text: string): boolean {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (four) return four.slice(1).every((part) => Number(part) <= 255);
  return /^[0-9a-f:.]{2,45}$/i.test(text) && URL.canParse(`http://[${text}]/`);
}

/** Hash as the procedures know tokens: hexadecimal SHA-256. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Answer 503 where the work does not end in time or the database fails: the sender comes again. */
export async function answered(work: Promise<Response>, answerMs = ANSWER_MS): Promise<Response> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Response>((resolve) => {
    timer = setTimeout(() => resolve(unavailable()), answerMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    // Ids and codes only: a driver's message may hold what it was asked to store.
    const code = (error as { code?: unknown } | null)?.code;
    console.error(JSON.stringify({ event: "database.failed", code: String(code ?? "unknown") }));
    return unavailable();
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(): Response {
  return problem(503, "database.unavailable", "the database cannot answer now");
}
