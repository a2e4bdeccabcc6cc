// One metric as it is printed: a JSON line with always the same keys.

import { Type, type Static } from 'typebox';
import { short } from './statistics.ts';

const NumberOrNull = Type.Union([Type.Number(), Type.Null()]);

export const MetricSchema = Type.Object(
  {
    bench: Type.String({ minLength: 1 }),
    metric: Type.String({ minLength: 1 }),
    value: Type.Number(),
    unit: Type.String(),
    /** What a user would use instead, in the same unit. */
    baseline: NumberOrNull,
    ratio: NumberOrNull,
    /** In words, for example `ratio <= 1.2`. */
    goal: Type.Union([Type.String(), Type.Null()]),
    /** Null where there is no goal. */
    ok: Type.Union([Type.Boolean(), Type.Null()]),
    runs: Type.Integer({ minimum: 1 }),
    note: Type.String(),
  },
  { additionalProperties: false },
);

export type Metric = Static<typeof MetricSchema>;

export interface Goal {
  readonly of: 'value' | 'ratio';
  readonly is: '<' | '<=' | '>=' | '>' | '=';
  readonly than: number;
}

export interface Measured {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  /** Without one it is value over baseline. */
  readonly ratio?: number;
  readonly goal?: Goal;
  readonly runs: number;
  readonly note?: string;
}

export function metricOf(bench: string, measured: Measured): Metric {
  const { baseline, goal } = measured;
  const ratio = measured.ratio ?? (baseline === undefined ? undefined : measured.value / baseline);
  return {
    bench,
    metric: measured.metric,
    value: rounded(measured.value),
    unit: measured.unit,
    baseline: baseline === undefined ? null : rounded(baseline),
    ratio: ratio === undefined ? null : rounded(ratio),
    goal: goal === undefined ? null : goalText(goal, measured.unit),
    ok: goal === undefined ? null : isMet(goal, measured.value, ratio),
    runs: measured.runs,
    note: measured.note ?? '',
  };
}

export function goalText({ of, is, than }: Goal, unit: string): string {
  return `${of} ${is} ${short(than)}${of === 'value' && unit !== '' ? ` ${unit}` : ''}`;
}

/** Judged before rounding. What could not be measured does not meet a goal. */
export function isMet({ of, is, than }: Goal, value: number, ratio: number | undefined): boolean {
  const found = of === 'value' ? value : (ratio ?? Number.NaN);
  switch (is) {
    case '<':
      return found < than;
    case '<=':
      return found <= than;
    case '>=':
      return found >= than;
    case '>':
      return found > than;
    case '=':
      return found === than;
  }
}

/** JSON has no NaN and no infinity; a number that is neither is a mistake in the benchmark. */
function rounded(value: number): number {
  if (!Number.isFinite(value)) throw new Error(`A metric cannot be ${value}.`);
  return Number.isInteger(value) ? value : Number(value.toPrecision(5));
}
