// What every collector is handed, and what a collector is.

import type { Paths } from '../../base/paths.ts';
import type { AllFacts, EngineFacts, FactName } from '../facts.ts';
import type { Source } from '../source.ts';

export interface CollectContext {
  readonly paths: Paths;
  readonly ports: readonly number[];
  /** Asked once, however many collectors need it. */
  readonly engine: () => Promise<EngineFacts>;
}

export type Collector<N extends FactName> = (source: Source, context: CollectContext) => Promise<AllFacts[N]>;
