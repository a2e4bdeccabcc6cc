// Where the time goes while requests wait for a data service: each part of the work by name, for the operation's story.

import type { Clock } from '../../../base/clock.ts';

export interface Stages {
  /** What went on until now had this name; the next part begins. */
  over(name: string): void;
  /** `started 3.1 s, proven 0.4 s`; parts that took no time to speak of are left out. */
  words(): string;
}

const WORTH_TELLING_MS = 50;

export function countStages(clock: Pick<Clock, 'monotonicMs'>): Stages {
  const took = new Map<string, number>();
  let sinceMs = clock.monotonicMs();
  return {
    over(name) {
      const nowMs = clock.monotonicMs();
      took.set(name, (took.get(name) ?? 0) + nowMs - sinceMs);
      sinceMs = nowMs;
    },
    words: () =>
      [...took]
        .filter(([, ms]) => ms >= WORTH_TELLING_MS)
        .map(([name, ms]) => `${name} ${(ms / 1000).toFixed(1)} s`)
        .join(', '),
  };
}
