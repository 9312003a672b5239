/** Exact decimals: an integer and how many of its digits stand behind the point. Never a float. */

const PLAIN = /^(-?)([0-9]{1,64})(?:\.([0-9]{1,64}))?$/;

export class Decimal {
  private constructor(readonly units: bigint, readonly places: number) {}

  /** Read plain decimal text. Throws RangeError on anything else. */
  static of(text: string): Decimal {
    const match = PLAIN.exec(text);
    if (match === null) throw new RangeError("not a plain decimal number");
    const behind = match[3] ?? "";
    const units = BigInt(`${match[2]}${behind}`);
    return new Decimal(match[1] === "-" ? -units : units, behind.length);
  }

  plus(other: Decimal): Decimal {
    const places = Math.max(this.places, other.places);
    return new Decimal(this.scaled(places) + other.scaled(places), places);
  }

  negated(): Decimal {
    return new Decimal(-this.units, this.places);
  }

  times(other: Decimal): Decimal {
    return new Decimal(this.units * other.units, this.places + other.places);
  }

  /** Divide by a hundred. */
  hundredth(): Decimal {
    return new Decimal(this.units, this.places + 2);
  }

  compare(other: Decimal): number {
    const places = Math.max(this.places, other.places);
    const [mine, theirs] = [this.scaled(places), other.scaled(places)];
    return mine < theirs ? -1 : mine > theirs ? 1 : 0;
  }

  isPositive(): boolean {
    return this.units > 0n;
  }

  /** Round a positive number to the nearest multiple of a step, ties to even; its scale is the step's. */
  onStep(step: Decimal): Decimal {
    const places = Math.max(this.places, step.places);
    const [value, unit] = [this.scaled(places), step.scaled(places)];
    let steps = value / unit;
    const doubled = (value % unit) * 2n;
    if (doubled > unit || (doubled === unit && steps % 2n === 1n)) steps += 1n;
    return new Decimal(steps * step.units, step.places);
  }

  toString(): string {
    const negative = this.units < 0n;
    const digits = (negative ? -this.units : this.units).toString().padStart(this.places + 1, "0");
    const cut = digits.length - this.places;
    const text = this.places === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
    return negative ? `-${text}` : text;
  }

  private scaled(places: number): bigint {
    return this.units * 10n ** BigInt(places - this.places);
  }
}
