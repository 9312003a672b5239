/** Trading sessions by local clocks, so that daylight saving comes out right on both sides. */

import type { Micros } from "./instant.ts";
import { RULES } from "./rules.ts";

const SESSIONS = RULES.sessions;

export type Calendar = "weekdays" | "always";

/** Name every session that is open, plus the overlap of London with New York. */
export function sessionTags(instant: Micros): string[] {
  if (!isOpen(instant, "weekdays")) return [];
  const tags = SESSIONS.places
    .filter((place) => {
      const { hour } = localTime(instant, place.zone);
      return place.from_hour <= hour && hour < place.until_hour;
    })
    .map((place) => place.tag);
  if (SESSIONS.overlap.of.every((tag) => tags.includes(tag))) tags.push(SESSIONS.overlap.tag);
  return tags;
}

/** Name the session that speaks for several. */
export function leadingSession(tags: readonly string[]): string {
  return SESSIONS.leading.find((tag) => tags.includes(tag)) ?? SESSIONS.closed;
}

/** Say whether an instrument of that calendar trades at the instant. */
export function isOpen(instant: Micros, calendar: Calendar): boolean {
  if (calendar === "always") return true;
  const { weekday, hour } = localTime(instant, SESSIONS.week.zone);
  if (weekday === "Sat") return false;
  if (weekday === "Fri") return hour < SESSIONS.week.turns_at_hour;
  if (weekday === "Sun") return hour >= SESSIONS.week.turns_at_hour;
  return true;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function localTime(instant: Micros, zone: string): { weekday: string; hour: number } {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      hourCycle: "h23",
    });
    clocks.set(zone, clock);
  }
  const parts = clock.formatToParts(Number(instant / 1000n));
  const part = (type: string) => parts.find((found) => found.type === type)?.value ?? "";
  return { weekday: part("weekday"), hour: Number(part("hour")) };
}
