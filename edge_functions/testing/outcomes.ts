/**
 * Normalise what stands on standard input, one JSON document a line, and write each outcome as
 * canonical JSON: so the desk's tests compare any number of signals with one process.
 */

import { canonical } from "../_shared/canonical.ts";
import { InstrumentRegistry, type InstrumentRow, readInstrument } from "../_shared/instruments.ts";
import { normalize, type NormalizePolicy } from "../_shared/normalize.ts";
import { type Fields, MalformedSignal, readSignal } from "../_shared/signal.ts";

interface Asked {
  instruments: InstrumentRow[];
  policy: NormalizePolicy;
  signal: Fields;
}

/** Give the outcome's canonical bytes, as text. */
export function outcomeOf({ instruments, policy, signal }: Asked): string {
  const registry = new InstrumentRegistry(instruments.map(readInstrument));
  return canonical(normalize(readSignal(signal), registry, policy));
}

if (import.meta.main) {
  const input = await new Response(Deno.stdin.readable).text();
  for (const line of input.split("\n").filter((line) => line !== "")) {
    try {
      console.log(outcomeOf(JSON.parse(line)));
    } catch (error) {
      if (!(error instanceof MalformedSignal)) throw error;
      console.log(canonical({ malformed: error.message }));
    }
  }
}
