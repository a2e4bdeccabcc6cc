// Which strategy a service's replicas are replaced by: the one that is asked for if the machine has the memory for it,
// else the one that needs the least beside what runs. Pure, and it says why in words.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Strategy } from '../../release/index.ts';
import type { SpareRoom } from '../../sizing/index.ts';
import { peakBytes, stagesOf, type ReplicaBytes, type Replicas, type Stage } from './strategy.ts';

export interface RoomQuestion {
  readonly service: string;
  readonly asked: Strategy;
  /** By a person; else by the release. */
  readonly isChosen: boolean;
  readonly replicas: Replicas;
  readonly each: ReplicaBytes;
  /** Memory beside the services' own; undefined where it does not matter. */
  readonly spareBytes: number | undefined;
}

export interface Way {
  readonly strategy: Strategy;
  readonly stages: readonly Stage[];
  readonly why: string;
  /** Memory that is taken for a while, beside what the services have anyway. */
  readonly besideBytes: number;
  /** False: not even this fits. */
  readonly fits: boolean;
  /** The strategy that was asked for is another one. */
  readonly isOffer: boolean;
}

export function wayOf(question: RoomQuestion): Way {
  const { asked, spareBytes = Infinity } = question;
  const wanted = tryOut(question, asked);
  if (wanted.besideBytes <= spareBytes) return { ...wanted, why: asWanted(question) };
  if (asked === 'rolling') return { ...wanted, why: asWanted(question), fits: false };
  const narrow = asked === 'canary' ? tryOut(question, asked, true) : undefined;
  if (narrow !== undefined && narrow.besideBytes <= spareBytes) {
    const why = `${asWanted(question)}; ${tooMuch(wanted, spareBytes)}, so after the first requests one leaves for each that comes`;
    return { ...narrow, why };
  }
  const least = tryOut(question, 'rolling');
  const fits = least.besideBytes <= spareBytes;
  const why = `${asked} was asked for, but ${tooMuch(wanted, spareBytes)}: one by one needs ${formatBytes(least.besideBytes)}`;
  return { ...least, why, fits, isOffer: true };
}

function tryOut({ replicas, each }: RoomQuestion, strategy: Strategy, isNarrow = false): Omit<Way, 'why'> {
  const stages = stagesOf(strategy, replicas, isNarrow);
  // What either release has anyway was divided for it.
  const standing = Math.max(replicas.fresh * each.fresh, replicas.stale * each.stale);
  const besideBytes = Math.max(0, peakBytes(stages, replicas, each) - standing);
  return { strategy, stages, besideBytes, fits: true, isOffer: false };
}

function asWanted({ asked, isChosen }: RoomQuestion): string {
  return isChosen ? `${asked}, as asked for` : `${asked}, as the release says`;
}

function tooMuch({ besideBytes }: Pick<Way, 'besideBytes'>, spareBytes: number): string {
  return `both sides together take ${formatBytes(besideBytes)} more than usual and ${formatBytes(spareBytes)} are to spare`;
}

/** Whether it takes for a while what rehearsals and drills work with. */
export function borrowsScratch(ways: readonly Way[], { bytes, parts }: SpareRoom): boolean {
  const scratchBytes = parts.find(({ name }) => name === 'scratch')?.bytes ?? 0;
  return ways.some(({ besideBytes }) => besideBytes > bytes - scratchBytes);
}

/** Not even one more replica fits. */
export function refuseNoRoom(
  ways: readonly (Way & { readonly service: string })[],
  spareBytes: number,
): void {
  const way = ways.find(({ fits }) => !fits);
  if (way === undefined) return;
  throw new OnsteadError(
    'sizing.no-room',
    `There is no memory for one more replica of ${way.service}, which even one by one needs for a while: it takes ${formatBytes(way.besideBytes)}, and ${formatBytes(spareBytes)} are to spare.`,
    {
      next: 'Give the machine back the memory that it was divided for, or more (`onstead status` shows what changed), then try again.',
    },
  );
}
