/** Instants as microseconds since 1970, because a `Date` loses what lies below a millisecond. */

const WRITTEN =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)$/;

export type Micros = bigint;

/** Read RFC 3339, or what Postgres writes into JSON. Throws RangeError on anything else. */
export function readInstant(text: string): Micros {
  const match = WRITTEN.exec(text);
  if (match === null) throw new RangeError("not an instant");
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(at);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || hour > 23) {
    throw new RangeError("no such day or hour");
  }
  if (minute > 59 || second > 59) throw new RangeError("no such minute or second");
  const micros = BigInt((match[7] ?? "").padEnd(6, "0"));
  return BigInt(at) * 1000n + micros - offsetMicros(match[8] ?? "Z");
}

/** Write as `2026-11-21T03:42:59.123456Z`, always with microseconds. */
export function writeInstant(instant: Micros): string {
  const millis = instant >= 0n ? instant / 1000n : -((-instant + 999n) / 1000n);
  const rest = (instant - millis * 1000n).toString().padStart(3, "0");
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${rest}Z`;
}

/** The clock of this machine. */
export function now(): Micros {
  return BigInt(Date.now()) * 1000n;
}

function offsetMicros(zone: string): bigint {
  if (zone === "Z") return 0n;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return BigInt(zone.startsWith("-") ? -minutes : minutes) * 60_000_000n;
}
