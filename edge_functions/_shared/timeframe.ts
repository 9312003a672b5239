/** Bar lengths under one spelling: M1, M3, M5, M15, M30, H1, H4, D1, W1. */

import { RULES } from "./rules.ts";

const SECONDS: Record<string, number> = RULES.timeframes.seconds;
const UNITS: Record<string, number> = RULES.timeframes.units;
const WORDS: Record<string, string> = RULES.timeframes.words;
const NAMES = new Map(Object.entries(SECONDS).map(([name, seconds]) => [seconds, name]));
const NUMBER_FIRST = new RegExp(`^([0-9]{1,5})[ \\t]*(${Object.keys(UNITS).join("|")})$`);
const LETTER_FIRST = /^(?:period_)?([mhdw])([0-9]{1,4})$/;

/** Give the canonical spelling; null if the length is unknown or unsupported. */
export function canonicalTimeframe(raw: string | null): string | null {
  if (raw === null) return null;
  const text = raw.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  if (/^[0-9]{1,6}$/.test(text)) return nameOf(Number(text) * 60);
  // A bare `1M` is a month at TradingView, so it is not taken for a minute.
  if (/^[0-9]{1,2}[ \t]*M$/.test(text)) return null;
  const lowered = text.toLowerCase();
  if (Object.hasOwn(WORDS, lowered)) return WORDS[lowered] ?? null;
  const numberFirst = NUMBER_FIRST.exec(lowered);
  if (numberFirst) return lengthOf(numberFirst[1], numberFirst[2]);
  const letterFirst = LETTER_FIRST.exec(lowered);
  if (letterFirst) return lengthOf(letterFirst[2], letterFirst[1]);
  return null;
}

function lengthOf(count: string | undefined, unit: string | undefined): string | null {
  return nameOf(Number(count) * (UNITS[unit ?? ""] ?? 0));
}

function nameOf(seconds: number): string | null {
  return NAMES.get(seconds) ?? null;
}
