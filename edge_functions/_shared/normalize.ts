/**
 * From an alert in its sender's words to a signal in the desk's: symbol, session, timeframe.
 *
 * The same rules in the same order as `backend/domain/normalize.py`; the cases in
 * `contracts/normalization/cases.json` hold both to the same bytes.
 */

import { Decimal } from "./decimal.ts";
import { type Micros, writeInstant } from "./instant.ts";
import type { Instrument, InstrumentRegistry } from "./instruments.ts";
import { type RefusalCode, RULES } from "./rules.ts";
import { isOpen, leadingSession, sessionTags } from "./sessions.ts";
import { canonicalTimeframe } from "./timeframe.ts";

const SECOND = 1_000_000n;

export type Side = "BUY" | "SELL";
export type OrderType = "market" | "limit" | "stop";

export interface Distance {
  readonly value: Decimal;
  readonly unit: "pips" | "percent" | "price";
}

export interface Quote {
  readonly bid: Decimal;
  readonly ask: Decimal;
  readonly asOf: Micros;
}

/** An understood alert and when it came; prices as the sender wrote them. */
export interface SignalFacts {
  readonly symbolRaw: string;
  readonly exchange: string | null;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly price: Decimal | null;
  readonly stopLoss: Decimal | null;
  readonly takeProfit: Decimal | null;
  readonly stopDistance: Distance | null;
  readonly takeDistance: Distance | null;
  readonly timeframe: string | null;
  readonly sourceTime: Micros | null;
  readonly receivedAt: Micros;
  readonly quote: Quote | null;
}

/** What the policy pack says about signals. */
export interface NormalizePolicy {
  readonly default_timeframe: string;
  readonly source_age_s_max: number;
  readonly source_ahead_s_max: number;
  readonly refuse_when_closed: boolean;
}

export type Refused = {
  readonly outcome: string;
  readonly code: RefusalCode;
  readonly detail: string;
};

export type Normalized = {
  readonly outcome: "normalized";
  readonly symbol: string;
  readonly symbol_class: string;
  readonly side: Side;
  readonly order_type: OrderType;
  readonly price: string | null;
  readonly stop_loss: string | null;
  readonly take_profit: string | null;
  readonly timeframe: string;
  readonly session: string;
  readonly session_tags: readonly string[];
  readonly source_time: string | null;
  readonly received_at: string;
  readonly notes: readonly string[];
};

interface Prices {
  readonly price: Decimal | null;
  readonly stopLoss: Decimal | null;
  readonly takeProfit: Decimal | null;
  readonly measuredFromQuote: boolean;
}

/** Put an understood alert into canonical form, or say why it cannot be. */
export function normalize(
  facts: SignalFacts,
  registry: InstrumentRegistry,
  policy: NormalizePolicy,
): Normalized | Refused {
  const instrument = registry.resolve(facts.symbolRaw, facts.exchange);
  if (instrument === null) return refused("SYMBOL_UNKNOWN", facts.symbolRaw);
  if (RULES.lifecycle[instrument.state] !== "passes") {
    return refused("SYMBOL_NOT_TRADABLE", `${instrument.symbol} is ${instrument.state}`);
  }
  const late = faultInTime(facts, instrument, policy);
  if (late !== null) return late;
  const timeframe = canonicalTimeframe(facts.timeframe);
  if (timeframe === null && facts.timeframe !== null) {
    return refused("TIMEFRAME_UNKNOWN", facts.timeframe);
  }
  const prices = readPrices(facts, instrument);
  if ("code" in prices) return prices;
  const notes: string[] = [];
  if (timeframe === null) notes.push(RULES.notes.default_timeframe);
  if (prices.measuredFromQuote) notes.push(RULES.notes.measured_from_quote);
  const tags = sessionTags(facts.receivedAt);
  return {
    outcome: "normalized",
    symbol: instrument.symbol,
    symbol_class: instrument.symbolClass,
    side: facts.side,
    order_type: facts.orderType,
    price: prices.price?.toString() ?? null,
    stop_loss: prices.stopLoss?.toString() ?? null,
    take_profit: prices.takeProfit?.toString() ?? null,
    timeframe: timeframe ?? policy.default_timeframe,
    session: leadingSession(tags),
    session_tags: tags,
    source_time: facts.sourceTime === null ? null : writeInstant(facts.sourceTime),
    received_at: writeInstant(facts.receivedAt),
    notes,
  };
}

function refused(code: RefusalCode, detail: string): Refused {
  return { outcome: RULES.refusals[code], code, detail };
}

function faultInTime(
  facts: SignalFacts,
  instrument: Instrument,
  policy: NormalizePolicy,
): Refused | null {
  if (facts.sourceTime !== null) {
    const age = facts.receivedAt - facts.sourceTime;
    if (age > BigInt(policy.source_age_s_max) * SECOND) {
      return refused("ALERT_TOO_OLD", `${age / SECOND} s old`);
    }
    if (-age > BigInt(policy.source_ahead_s_max) * SECOND) {
      return refused("SOURCE_TIME_IN_FUTURE", `${-age / SECOND} s ahead`);
    }
  }
  if (policy.refuse_when_closed && !isOpen(facts.receivedAt, instrument.calendar)) {
    return refused("MARKET_CLOSED", instrument.symbol);
  }
  return null;
}

/** Put price, stop and target on the tick, measuring distances from the entry. */
function readPrices(facts: SignalFacts, instrument: Instrument): Prices | Refused {
  // A price beside a distance is the plainer word.
  const stop = facts.stopLoss === null ? facts.stopDistance : null;
  const take = facts.takeProfit === null ? facts.takeDistance : null;
  const measured = stop !== null || take !== null;
  if (instrument.pipSize === null && (stop?.unit === "pips" || take?.unit === "pips")) {
    return refused("PIPS_UNDEFINED", `${instrument.symbol} has no pips`);
  }
  const price = onTick(facts.price, instrument);
  if (facts.price !== null && price === null) return refused("PRICE_BELOW_TICK", "price");
  if (facts.orderType !== "market" && price === null) {
    return refused("PRICE_MISSING", facts.orderType);
  }
  const entry = price ?? (measured ? marketPrice(facts, instrument) : null);
  if (measured && entry === null) {
    return refused("DISTANCE_WITHOUT_PRICE", `no price of ${instrument.symbol}`);
  }
  const sign = facts.side === "BUY" ? 1 : -1;
  const stopLoss = protection(facts.stopLoss, stop, entry, -sign, instrument);
  if (stopLoss === null && (facts.stopLoss !== null || stop !== null)) {
    return refused("PRICE_BELOW_TICK", "stop_loss");
  }
  const takeProfit = protection(facts.takeProfit, take, entry, sign, instrument);
  if (takeProfit === null && (facts.takeProfit !== null || take !== null)) {
    return refused("PRICE_BELOW_TICK", "take_profit");
  }
  const wrong = faultInProtection(facts.side, entry, stopLoss, takeProfit);
  if (wrong !== null) return wrong;
  return { price, stopLoss, takeProfit, measuredFromQuote: measured && price === null };
}

function protection(
  price: Decimal | null,
  distance: Distance | null,
  entry: Decimal | null,
  sign: number,
  instrument: Instrument,
): Decimal | null {
  if (price === null && distance !== null && entry !== null) {
    return onTick(priceAt(distance, entry, sign, instrument), instrument);
  }
  return onTick(price, instrument);
}

function priceAt(
  distance: Distance,
  entry: Decimal,
  sign: number,
  instrument: Instrument,
): Decimal {
  const offset = offsetOf(distance, entry, instrument);
  return entry.plus(sign > 0 ? offset : offset.negated());
}

function offsetOf(distance: Distance, entry: Decimal, instrument: Instrument): Decimal {
  switch (distance.unit) {
    case "pips":
      if (instrument.pipSize === null) throw new RangeError(`${instrument.symbol} has no pips`);
      return distance.value.times(instrument.pipSize);
    case "percent":
      return entry.times(distance.value).hundredth();
    case "price":
      return distance.value;
  }
}

function marketPrice(facts: SignalFacts, instrument: Instrument): Decimal | null {
  if (facts.quote === null) return null;
  const age = facts.receivedAt - facts.quote.asOf;
  if (age > BigInt(RULES.prices.reference_age_s_max) * SECOND) return null;
  return onTick(facts.side === "BUY" ? facts.quote.ask : facts.quote.bid, instrument);
}

function faultInProtection(
  side: Side,
  entry: Decimal | null,
  stopLoss: Decimal | null,
  takeProfit: Decimal | null,
): Refused | null {
  const sign = side === "BUY" ? 1 : -1;
  const wrongSide = (code: RefusalCode, price: Decimal, beside: Decimal) =>
    refused(code, `${side} with ${price} beside ${beside}`);
  if (entry !== null && stopLoss !== null && sign * entry.compare(stopLoss) <= 0) {
    return wrongSide("STOP_ON_WRONG_SIDE", stopLoss, entry);
  }
  if (entry !== null && takeProfit !== null && sign * takeProfit.compare(entry) <= 0) {
    return wrongSide("TARGET_ON_WRONG_SIDE", takeProfit, entry);
  }
  if (stopLoss !== null && takeProfit !== null && sign * takeProfit.compare(stopLoss) <= 0) {
    return wrongSide("STOP_ON_WRONG_SIDE", stopLoss, takeProfit);
  }
  return null;
}

/** Round to the nearest tick, ties to even; null if nothing is left. */
function onTick(price: Decimal | null, instrument: Instrument): Decimal | null {
  if (price === null || !price.isPositive()) return null;
  const rounded = price.onStep(instrument.tickSize);
  return rounded.isPositive() ? rounded : null;
}
