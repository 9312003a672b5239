/** Serve one function, on Supabase as elsewhere: everything that reads the process stands here. */

import { Misconfigured, openDatabase } from "./database.ts";
import type { Door, Origin } from "./door.ts";
import { problem } from "./problem.ts";

export type Handler = (request: Request, origin: Origin, door: Door) => Promise<Response>;

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

export function serve(name: string, handle: Handler): void {
  const door = openDoor(name);
  const port = Deno.env.get("EDGE_PORT");
  const options = port === undefined
    ? {}
    : { hostname: Deno.env.get("EDGE_HOST") ?? "127.0.0.1", port: Number(port) };
  Deno.serve(options, (request: Request, info: Deno.ServeHandlerInfo) => {
    if (door === null) return problem(503, "edge.misconfigured", "the function is not set up");
    const address = info?.remoteAddr;
    const remoteAddress = address && "hostname" in address ? address.hostname : null;
    return handle(request, { remoteAddress }, door);
  });
}

function openDoor(name: string): Door | null {
  try {
    const database = openDatabase(Deno.env, name);
    return { database, environment: Deno.env, afterwards };
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    // Answered with 503, so that no alert is lost while someone mends it.
    console.error(JSON.stringify({ event: "edge.misconfigured", reason: error.message }));
    return null;
  }
}

function afterwards(work: Promise<void>): void {
  const ended = work.catch(() => {});
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(ended);
}
