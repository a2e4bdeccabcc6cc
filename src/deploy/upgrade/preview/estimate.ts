// How long the steps of a plan will take: as long as the same kind took on this very machine (the median), as long as
// they say themselves, or an assumption that is called one. Pure.

import type { PlannedStep, StepDuration } from '../../../journal/index.ts';
import { stepCosts } from './step-costs.ts';

export type EstimateFrom = 'measured' | 'fixed' | 'assumed';

export interface Estimate {
  readonly ms: number;
  /** `fixed`: it takes as long as the settings say. */
  readonly from: EstimateFrom;
}

/** What comes from long ago is about another release. */
const NEWEST = 9;
/** Unpacked bytes a second into the engine's store. */
const ASSUMED_RATE = 50_000_000;

export function estimateSteps(steps: readonly PlannedStep[], history: readonly StepDuration[]): Estimate[] {
  return steps.map((step) => estimateOf(step, history));
}

function estimateOf({ type, input }: PlannedStep, history: readonly StepDuration[]): Estimate {
  const told = toldBy(input);
  if (told !== undefined) return { ms: told, from: 'fixed' };
  const same = history.filter((one) => one.type === type).slice(0, NEWEST);
  if (type === 'load-images') return estimateLoad(bytesIn(input), same);
  const ms = median(same.map((one) => one.ms));
  return ms === undefined ? { ms: assumedFor(type), from: 'assumed' } : { ms, from: 'measured' };
}

/** Gates last as long as they are told to. */
function toldBy(input: unknown): number | undefined {
  const { soakMs, keepWarmMs } = input as { soakMs?: number; keepWarmMs?: number };
  return soakMs ?? keepWarmMs;
}

/** The first upgrade comes after an installation that loaded everything: what counts is the bytes a second. */
function estimateLoad(bytes: number, same: readonly StepDuration[]): Estimate {
  const least = 500;
  const rate = median(
    same.flatMap(({ input, ms }) => (bytesIn(input) > 1_000_000 && ms > 0 ? [bytesIn(input) / ms] : [])),
  );
  if (rate === undefined) return { ms: least + (bytes / ASSUMED_RATE) * 1_000, from: 'assumed' };
  return { ms: least + bytes / rate, from: 'measured' };
}

function bytesIn(input: unknown): number {
  return (input as { bytes?: number }).bytes ?? 0;
}

function assumedFor(type: string): number {
  return stepCosts[type as keyof typeof stepCosts].assumedMs;
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
