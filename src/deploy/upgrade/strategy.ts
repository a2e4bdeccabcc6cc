// How the replicas of one service are replaced, as a list of states to pass through. Pure. Each state says how many of
// the new and of the old release there are and who answers; whatever goes from one to the next starts before it stops.

import type { Strategy } from '../../release/index.ts';

export interface Sides {
  /** Replicas of the new release. */
  readonly fresh: number;
  /** Replicas of the old one. */
  readonly stale: number;
  /** Percent of the requests that the new ones answer; null: every replica answers its part. */
  readonly freshShare: number | null;
}

export interface Stage {
  readonly to: Sides;
  /** Soaked in this state, and judged, before the next. */
  readonly isJudged: boolean;
}

/** From 100 % on, the old replicas are kept warm until the last gate: the way back is one reload. */
const CANARY_SHARES = [5, 25, 50, 100];

export interface Replicas {
  /** Running now, of the old release. */
  readonly stale: number;
  /** Wanted of the new one. */
  readonly fresh: number;
}

/** `isNarrow`: there is room for one more replica and not for a second side, which only canary can do with. */
export function stagesOf(strategy: Strategy, { stale, fresh }: Replicas, isNarrow = false): Stage[] {
  if (strategy === 'rolling') return rolling(stale, fresh);
  const gone: Stage = { to: { fresh, stale: 0, freshShare: null }, isJudged: false };
  if (strategy === 'blue-green') {
    return [
      { to: { fresh, stale, freshShare: 0 }, isJudged: false },
      { to: { fresh, stale, freshShare: 100 }, isJudged: true },
      gone,
    ];
  }
  if (isNarrow) return narrowCanary(stale, fresh);
  const canary = CANARY_SHARES.map((freshShare): Stage => ({
    to: { fresh: Math.max(1, Math.ceil((fresh * freshShare) / 100)), stale, freshShare },
    isJudged: true,
  }));
  return [...canary, gone];
}

/** One more at a time, one less at a time; never fewer than before. The last one is judged with all of them new. */
function rolling(stale: number, fresh: number): Stage[] {
  const count = Math.max(stale, fresh);
  return Array.from({ length: count }, (_, index) => ({
    to: {
      fresh: Math.min(index + 1, fresh),
      stale: Math.max(0, stale - index - 1),
      freshShare: null,
    },
    isJudged: index === 0 || index === count - 1,
  }));
}

/** The first replica is asked little, then a quarter; from there on one more at a time, one less at a time. */
function narrowCanary(stale: number, fresh: number): Stage[] {
  const first = [5, 25].map((freshShare): Stage => ({ to: { fresh: 1, stale, freshShare }, isJudged: true }));
  const rest = rolling(stale, fresh);
  const half = rest.findIndex(({ to }) => to.fresh >= to.stale);
  return [...first, ...rest.map(({ to }, at) => ({ to, isJudged: at === half || at === rest.length - 1 }))];
}

/**
 * The state to go back to, where so many of the new replicas are left: none is started again. Where the old ones were
 * kept, the new ones are not asked any more; where they were replaced one by one, all that there are have to answer.
 */
export function wayBackTo(before: Sides, freshLeft: number): Sides {
  const { fresh, stale, freshShare } = before;
  return { fresh: Math.min(fresh, freshLeft), stale, freshShare: freshShare === null ? null : 0 };
}

/** Memory of one replica. */
export interface ReplicaBytes {
  readonly stale: number;
  readonly fresh: number;
}

/** The most memory that the two sides take together on the way: what is missing starts before what is too many leaves. */
export function peakBytes(stages: readonly Stage[], { stale }: Replicas, each: ReplicaBytes): number {
  let there = { fresh: 0, stale };
  let most = stale * each.stale;
  for (const { to } of stages) {
    const both = { fresh: Math.max(there.fresh, to.fresh), stale: Math.max(there.stale, to.stale) };
    most = Math.max(most, both.fresh * each.fresh + both.stale * each.stale);
    there = to;
  }
  return most;
}

/** Weights of one replica of each side, as small whole numbers; 0 means that it is not asked at all. */
export function weightsFor({ fresh, stale, freshShare }: Sides): {
  readonly fresh: number;
  readonly stale: number;
} {
  if (freshShare === null) return { fresh: 1, stale: 1 };
  const weights = { fresh: freshShare * stale, stale: (100 - freshShare) * fresh };
  // Where only one side has replicas there is nothing to divide.
  if (fresh === 0 || stale === 0) return { fresh: 1, stale: 1 };
  const divisor = greatestCommonDivisor(weights.fresh, weights.stale);
  return { fresh: weights.fresh / divisor, stale: weights.stale / divisor };
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
