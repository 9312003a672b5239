/** Canonical JSON (RFC 8785) of values without numbers beyond safe integers: sorted keys, no blanks. */

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Write a value so that whoever writes it writes the same bytes. Throws on what has no such form. */
export function canonical(value: Json): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new TypeError("decimals travel as strings");
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value as { [key: string]: Json });
  // The default order of strings here is the one RFC 8785 asks for: by UTF-16 code units.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)}}`;
}
