// What a benchmark is: a name, a sentence of what it proves, what it needs, and a run over a context.
// A file `NAME.bench.ts` beside this one exports one as `bench`.

import type { ChildCost, ChildRun } from './child-cost.ts';
import type { Measured } from './metric.ts';
import type { Summary } from './statistics.ts';

export type Need = 'engine';

export interface Bench {
  readonly name: string;
  /** One sentence: what is true when its goals are met. */
  readonly proves: string;
  readonly needs: readonly Need[];
  /** Runs when nobody says otherwise; odd, so that the median was measured. */
  readonly runs: number;
  readonly run: (context: BenchContext) => Promise<void>;
}

/** Returns seconds it measured itself, or nothing: then the whole call counts. */
export type Work = () => Promise<number | void> | number | void;

export interface Sample extends Summary {
  readonly values: readonly number[];
}

export interface Pair {
  readonly a: Sample;
  readonly b: Sample;
  /** Of each run of `a` over the run of `b` right after it. */
  readonly ratio: Sample;
}

export interface MeasureOptions {
  readonly runs?: number;
  /** Runs before the first that counts. Default: one. */
  readonly warmUps?: number;
}

export interface BenchContext {
  readonly root: string;
  readonly runs: number;
  /** Removed when the benchmark has ended. */
  readonly scratch: string;
  readonly measure: (label: string, work: Work, options?: MeasureOptions) => Promise<Sample>;
  /** In turns: A B A B … */
  readonly pair: (
    a: readonly [label: string, work: Work],
    b: readonly [label: string, work: Work],
    options?: MeasureOptions,
  ) => Promise<Pair>;
  /** Seconds, peak memory and CPU time of one child process. */
  readonly runChild: (command: string, args: readonly string[], options?: ChildRun) => Promise<ChildCost>;
  readonly emit: (measured: Measured) => void;
  readonly progress: (line: string) => void;
}
