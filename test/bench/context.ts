// What a benchmark works with: measuring alone or in turns, and saying what was found.

import type { Bench, BenchContext, MeasureOptions, Pair, Sample, Work } from './bench.ts';
import { runChild } from './child-cost.ts';
import { metricOf, type Metric } from './metric.ts';
import { ratiosOf, short, summaryOf } from './statistics.ts';

export interface ContextParts {
  readonly root: string;
  readonly scratch: string;
  readonly runs: number;
  readonly onMetric: (metric: Metric) => void;
  readonly progress: (line: string) => void;
  /** Milliseconds that never jump. */
  readonly nowMs?: () => number;
}

export function createContext(bench: Bench, parts: ContextParts): BenchContext {
  const { root, scratch, runs, progress, onMetric, nowMs = () => performance.now() } = parts;
  const time = async (label: string, work: Work, turn: string): Promise<number> => {
    const started = nowMs();
    const own = await work();
    const seconds = typeof own === 'number' ? own : (nowMs() - started) / 1000;
    progress(`${label} ${turn}: ${short(seconds)} s`);
    return seconds;
  };
  const turns = async (
    works: readonly (readonly [string, Work])[],
    options: MeasureOptions,
  ): Promise<number[][]> => {
    const counted = options.runs ?? runs;
    const warmUps = options.warmUps ?? 1;
    const values: number[][] = works.map(() => []);
    for (let turn = -warmUps; turn < counted; turn += 1) {
      for (const [index, [label, work]] of works.entries()) {
        const seconds = await time(label, work, turn < 0 ? 'warm-up' : `${turn + 1}/${counted}`);
        if (turn >= 0) values[index]!.push(seconds);
      }
    }
    return values;
  };
  return {
    root,
    scratch,
    runs,
    progress,
    runChild,
    measure: async (label, work, options = {}) => sampleOf((await turns([[label, work]], options))[0]!),
    pair: async (a, b, options = {}): Promise<Pair> => {
      const [left, right] = await turns([a, b], options);
      return { a: sampleOf(left!), b: sampleOf(right!), ratio: sampleOf(ratiosOf(left!, right!)) };
    },
    emit: (measured) => onMetric(metricOf(bench.name, measured)),
  };
}

function sampleOf(values: readonly number[]): Sample {
  return { ...summaryOf(values), values };
}
