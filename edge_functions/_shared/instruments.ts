/** Instruments and how to find the one that a broker or an alert means. */

import { Decimal } from "./decimal.ts";
import { type Lifecycle, RULES } from "./rules.ts";
import type { Calendar } from "./sessions.ts";

const SYMBOLS = RULES.symbols;

/** An instrument as `intake.normalization_facts` writes it, with its numbers read. */
export interface Instrument {
  readonly symbol: string;
  readonly symbolClass: string;
  readonly tickSize: Decimal;
  readonly pipSize: Decimal | null;
  readonly calendar: Calendar;
  readonly state: Lifecycle;
  readonly aliases: readonly string[];
}

export interface InstrumentRow {
  symbol: string;
  symbol_class: string;
  tick_size: string;
  pip_size: string | null;
  calendar: string;
  state: string;
  aliases: string[];
}

export function readInstrument(row: InstrumentRow): Instrument {
  return {
    symbol: row.symbol,
    symbolClass: row.symbol_class,
    tickSize: Decimal.of(row.tick_size),
    pipSize: row.pip_size === null ? null : Decimal.of(row.pip_size),
    calendar: row.calendar as Calendar,
    state: row.state as Lifecycle,
    aliases: row.aliases,
  };
}

/** Every spelling that leads to an instrument; one that two claim leads nowhere. */
export class InstrumentRegistry {
  readonly #bySpelling = new Map<string, Instrument>();

  constructor(instruments: readonly Instrument[]) {
    const disputed = new Set<string>();
    for (const instrument of instruments) {
      for (const spelling of new Set([instrument.symbol, ...instrument.aliases].map(plain))) {
        const held = this.#bySpelling.get(spelling);
        if (held === undefined) this.#bySpelling.set(spelling, instrument);
        else if (held !== instrument) disputed.add(spelling);
      }
    }
    for (const spelling of disputed) this.#bySpelling.delete(spelling);
  }

  /** Find the instrument that `EXCH:SYM`, an alias or a broker's spelling means, or null. */
  resolve(symbolRaw: string, exchangeGiven: string | null): Instrument | null {
    const colon = symbolRaw.lastIndexOf(":");
    const symbol = symbolRaw.slice(colon + 1);
    const exchange = canonicalExchange(colon >= 0 ? symbolRaw.slice(0, colon) : exchangeGiven);
    if (exchange !== null) {
      const named = this.#bySpelling.get(plain(`${exchange}:${symbol}`));
      if (named !== undefined) return named;
    }
    const found = this.#bare(symbol);
    if (
      found !== null && exchange !== null && SYMBOLS.share_exchanges.includes(exchange) &&
      !SYMBOLS.share_classes.includes(found.symbolClass)
    ) {
      return null;
    }
    return found;
  }

  #bare(symbol: string): Instrument | null {
    const written = trim(symbol).toUpperCase();
    const unmarked = written.slice(leadingMarks(written));
    const spellings = [plain(written), plain(unmarked), ...stems(unmarked)];
    for (const spelling of spellings) {
      const found = this.#bySpelling.get(spelling);
      if (found !== undefined) return found;
    }
    return null;
  }
}

/** Give an exchange's name in upper case, without the mark of delayed prices. */
export function canonicalExchange(exchange: string | null): string | null {
  if (exchange === null) return null;
  let name = trim(exchange).toUpperCase();
  for (const mark of SYMBOLS.exchange_delay_marks) {
    if (name.endsWith(mark)) name = name.slice(0, -mark.length);
  }
  return name === "" ? null : name;
}

function plain(spelling: string): string {
  return Array.from(spelling.toUpperCase())
    .filter((character) => !SYMBOLS.separators.includes(character))
    .join("");
}

function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}

function leadingMarks(written: string): number {
  let count = 0;
  while (count < written.length && SYMBOLS.leading_marks.includes(written.charAt(count))) count++;
  return count;
}

/** Tell a broker's mark from a second symbol, a date or another kind of instrument. */
function mayBeBrokers(suffix: string, mark: string): boolean {
  const longest = SYMBOLS.spread_marks.includes(mark)
    ? Math.min(SYMBOLS.suffix_length_max, SYMBOLS.pair_length - 1)
    : SYMBOLS.suffix_length_max;
  const digits = suffix.replace(/[^0-9]/g, "").length;
  return suffix.length <= longest && digits <= SYMBOLS.suffix_digits_max &&
    !SYMBOLS.foreign_suffixes.includes(suffix);
}

/** List what is left of a spelling without a broker's suffix, the surest reading first. */
function stems(written: string): string[] {
  const found: string[] = [];
  const cut = Math.max(...Array.from(SYMBOLS.suffix_marks, (mark) => written.lastIndexOf(mark)));
  if (cut > 0) {
    const stem = plain(written.slice(0, cut));
    const suffix = written.slice(cut + 1);
    const known = suffix === "" || SYMBOLS.suffixes.includes(suffix);
    const pair = stem.length >= SYMBOLS.pair_length && mayBeBrokers(suffix, written.charAt(cut));
    if (stem.length >= SYMBOLS.stem_length_min && (known || pair)) found.push(stem);
  }
  const whole = plain(written);
  for (const suffix of SYMBOLS.glued_suffixes) {
    if (whole.endsWith(suffix) && whole.length - suffix.length >= SYMBOLS.pair_length) {
      found.push(whole.slice(0, -suffix.length));
    }
  }
  return found;
}
