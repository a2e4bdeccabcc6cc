// The objects' half of a restore point: a cut in time by the store's own clock, with bucket versioning keeping what
// was there. By S3 alone, so that any store will do; the work is done in a child that ends.

import { askWorker } from '../../base/worker.ts';
import type { ObjectStoreAccess } from '../object-store.ts';
import type { ObjectChanges } from './version-rules.ts';

/** The state of all buckets at one moment: everything written up to it, and nothing later. */
export interface ObjectCut {
  /** By the store's own clock. */
  readonly cutMs: number;
  readonly buckets: readonly string[];
}

export type ObjectVersionsQuestion = ObjectStoreAccess & { readonly buckets: readonly string[] } & (
    | { readonly kind: 'cut' }
    | { readonly kind: 'restore'; readonly cutMs: number }
    | { readonly kind: 'count'; readonly cutMs: number }
    | { readonly kind: 'export'; readonly cutMs: number; readonly file: string }
    | { readonly kind: 'versioned' }
    | ({ readonly kind: 'sweep' } & SweepTask)
  );

export interface SweepTask {
  readonly cutsMs: readonly number[];
  /** Where an earlier portion ended. */
  readonly from?: SweepPlace;
  /** It ends after about so long, between two objects. Default: at the end of all buckets. */
  readonly forMs?: number;
}

/** Everything up to this object is looked at. */
export interface SweepPlace {
  readonly bucket: string;
  readonly key: string;
}

export interface Swept {
  readonly removed: number;
  /** Where to go on; absent at the end. */
  readonly next?: SweepPlace;
}

/** A listing of a million objects is a thousand calls; deleting as many takes its time. */
const WITHIN_MS = 6 * 60 * 60_000;

/**
 * Switches versioning on and names the moment: whatever is written after this resolves is newer than the cut. The
 * database comes first, the objects second, so that no row of a point names an object that its cut does not have.
 */
export async function cutObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  signal?: AbortSignal,
): Promise<ObjectCut> {
  const cutMs = await ask<number>({ ...access, kind: 'cut', buckets }, signal);
  return { cutMs, buckets };
}

/**
 * Brings the buckets back to the cut; answers how many objects it put back. What is newer stays beneath, as versions: an
 * object that was changed or deleted gets its old version as the newest, one that is new gets a delete marker. So the
 * way back from here is another cut, as long as a point keeps it. Nothing may write meanwhile; it may be begun again after
 * a kill at any moment.
 */
export function restoreObjects(
  access: ObjectStoreAccess,
  { cutMs, buckets }: ObjectCut,
  signal?: AbortSignal,
): Promise<number> {
  return ask<number>({ ...access, kind: 'restore', cutMs, buckets }, signal);
}

/** What a restore of this cut would lose. Changes nothing. */
export function countObjectChanges(
  access: ObjectStoreAccess,
  { cutMs, buckets }: ObjectCut,
  signal?: AbortSignal,
): Promise<ObjectChanges> {
  return ask<ObjectChanges>({ ...access, kind: 'count', cutMs, buckets }, signal);
}

/**
 * Writes the objects that a restore of this cut would hide into a tar file, each as it is now, under its bucket's name.
 * Answers how many; with none there is no file.
 */
export function exportObjects(
  access: ObjectStoreAccess,
  { cutMs, buckets }: ObjectCut,
  file: string,
  signal?: AbortSignal,
): Promise<number> {
  return ask<number>({ ...access, kind: 'export', cutMs, buckets, file }, signal);
}

/** Those of the buckets that keep versions now. */
export function versionedBuckets(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  return ask<readonly string[]>({ ...access, kind: 'versioned', buckets }, signal);
}

/**
 * Removes the versions that none of these cuts needs and the present does not show. With no cut left versioning is
 * suspended first, so that none of this may be done to a bucket whose versions are somebody else's. To be done again from
 * time to time even then: what is overwritten or deleted of the objects from before leaves a version each.
 */
export function sweepObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  task: SweepTask,
  signal?: AbortSignal,
): Promise<Swept> {
  return ask<Swept>({ ...access, kind: 'sweep', buckets, ...task }, signal);
}

function ask<Reply>(question: ObjectVersionsQuestion, signal: AbortSignal | undefined): Promise<Reply> {
  const { networkOfPid } = question;
  return askWorker<ObjectVersionsQuestion, Reply>(
    import.meta.url,
    '../workers/object-versions-worker',
    question,
    {
      timeoutMs: WITHIN_MS,
      ...(networkOfPid === undefined ? {} : { networkOfPid }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
}
