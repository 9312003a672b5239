/**
 * Normalise what stands on standard input and write each outcome as canonical JSON, so that the
 * desk's tests compare any number of signals with one process. The first line tells instruments
 * and policy, each further line is a signal.
 */

import { canonical } from "../_shared/canonical.ts";
import { InstrumentRegistry, type InstrumentRow, readInstrument } from "../_shared/instruments.ts";
import { normalize, type NormalizePolicy } from "../_shared/normalize.ts";
import { type Fields, MalformedSignal, readSignal } from "../_shared/signal.ts";

export interface Known {
  readonly instruments: InstrumentRow[];
  readonly policy: NormalizePolicy;
}

/** Make what gives outcomes' canonical bytes, as text. */
export function normalizerOf({ instruments, policy }: Known): (signal: Fields) => string {
  const registry = new InstrumentRegistry(instruments.map(readInstrument));
  return (signal) => canonical(normalize(readSignal(signal), registry, policy));
}

if (import.meta.main) {
  const input = await new Response(Deno.stdin.readable).text();
  const [known, ...signals] = input.split("\n").filter((line) => line !== "");
  const outcomeOf = normalizerOf(JSON.parse(known ?? "null"));
  const outcomes = signals.map((signal) => {
    try {
      return outcomeOf(JSON.parse(signal));
    } catch (error) {
      if (!(error instanceof MalformedSignal)) throw error;
      return canonical({ malformed: error.message });
    }
  });
  console.log(outcomes.join("\n"));
}
