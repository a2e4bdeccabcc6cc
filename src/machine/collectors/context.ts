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

/** Process, container and host names are anybody's text and end on terminals: no control characters, no novels. */
export function printable(text: string, longest = 200): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this removes
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '?')
    .slice(0, longest);
}
