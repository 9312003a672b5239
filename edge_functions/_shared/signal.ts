/** Signals as JSON: strict about what comes in, since anybody with a token may send it. */

import { Decimal } from "./decimal.ts";
import { readInstant } from "./instant.ts";
import type { Distance, Quote, SignalFacts } from "./normalize.ts";

const NAMES = new Set([
  "symbol_raw",
  "exchange",
  "side",
  "order_type",
  "price",
  "stop_loss",
  "take_profit",
  "stop_distance",
  "take_distance",
  "timeframe",
  "source_time",
  "received_at",
  "quote",
]);
const UNITS = ["pips", "percent", "price"] as const;

export type Fields = { readonly [name: string]: unknown };

/** What a caller sent is no signal; the message says which field and why. */
export class MalformedSignal extends Error {}

/** Read a signal; what is absent is null. Throws MalformedSignal. */
export function readSignal(fields: Fields): SignalFacts {
  const unknown = Object.keys(fields).find((name) => !NAMES.has(name));
  if (unknown !== undefined) throw new MalformedSignal(`${unknown.slice(0, 32)}: no such field`);
  return {
    symbolRaw: text(fields, "symbol_raw", 64) ?? missing("symbol_raw"),
    exchange: text(fields, "exchange", 64),
    side: oneOf(fields, "side", ["BUY", "SELL"]),
    orderType: oneOf(fields, "order_type", ["market", "limit", "stop"]),
    price: positive(fields, "price"),
    stopLoss: positive(fields, "stop_loss"),
    takeProfit: positive(fields, "take_profit"),
    stopDistance: distance(fields, "stop_distance"),
    takeDistance: distance(fields, "take_distance"),
    timeframe: text(fields, "timeframe", 16),
    sourceTime: read(fields, "source_time", readInstant),
    receivedAt: read(fields, "received_at", readInstant) ?? missing("received_at"),
    quote: readQuote(fields["quote"]),
  };
}

/** Read a quote as `intake.normalization_facts` writes it. */
export function readQuote(value: unknown): Quote | null {
  if (value === null || value === undefined) return null;
  if (!isFields(value)) throw new MalformedSignal("quote: an object is needed");
  return {
    bid: positive(value, "bid") ?? missing("bid"),
    ask: positive(value, "ask") ?? missing("ask"),
    asOf: read(value, "as_of", readInstant) ?? missing("as_of"),
  };
}

/** Say whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(fields: Fields, name: string, lengthMax: number): string | null {
  const value = fields[name] ?? null;
  if (value === null) return null;
  if (typeof value !== "string") throw new MalformedSignal(`${name}: a string is needed`);
  if (value.length === 0 || value.length > lengthMax) {
    throw new MalformedSignal(`${name}: 1 to ${lengthMax} characters`);
  }
  return value;
}

function oneOf<Word extends string>(fields: Fields, name: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === fields[name]);
  if (found === undefined) throw new MalformedSignal(`${name}: one of ${words.join(", ")}`);
  return found;
}

function read<Value>(fields: Fields, name: string, how: (text: string) => Value): Value | null {
  const written = text(fields, name, 128);
  if (written === null) return null;
  try {
    return how(written);
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedSignal(`${name}: ${error.message}`);
    throw error;
  }
}

function positive(fields: Fields, name: string): Decimal | null {
  const value = read(fields, name, Decimal.of);
  if (value !== null && !value.isPositive()) throw new MalformedSignal(`${name}: not above zero`);
  return value;
}

function distance(fields: Fields, name: string): Distance | null {
  const value = fields[name] ?? null;
  if (value === null) return null;
  if (!isFields(value)) throw new MalformedSignal(`${name}: an object is needed`);
  return {
    value: positive(value, "value") ?? missing(`${name}.value`),
    unit: oneOf(value, "unit", UNITS),
  };
}

function missing(name: string): never {
  throw new MalformedSignal(`${name}: missing`);
}
