// Medians and spreads: the only numbers a benchmark reports.

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two neighbours the value is interpolated. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('No value was measured.');
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below + (above - below) * (place - Math.floor(place));
}

export function summaryOf(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), runs: values.length };
}

/** `a` over `b`, run by run: neighbours in time share the machine's mood. */
export function ratiosOf(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new Error(`${a.length} runs cannot be paired with ${b.length}.`);
  return a.map((value, index) => value / b[index]!);
}

export function spreadText({ min, max, runs }: Summary): string {
  return runs === 1 ? 'one run' : `${short(min)} to ${short(max)} over ${runs} runs`;
}

/** Four significant digits: more would be noise. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
