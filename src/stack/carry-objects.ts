// Some objects of one store carried into another by way of a folder: the two are in sealed networks that do not know each
// other. Enough to try an app on, never all of what may be terabytes.

import { askWorker } from '../base/worker.ts';
import type { ObjectStoreAccess } from './object-store.ts';

export type CarryQuestion = ObjectStoreAccess & {
  readonly kind: 'take' | 'put';
  readonly buckets: readonly string[];
  readonly folder: string;
};

export interface CarriedObjects {
  readonly objects: number;
  readonly bytes: number;
}

const WITHIN_MS = 10 * 60_000;

/** At most 200 objects and 256 MB, in the order in which the store lists them, into files of this folder. */
export function takeObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  folder: string,
  signal?: AbortSignal,
): Promise<CarriedObjects> {
  return ask({ ...access, kind: 'take', buckets, folder }, signal);
}

/** What was taken, into the buckets of the same names. */
export function putObjects(
  access: ObjectStoreAccess,
  buckets: readonly string[],
  folder: string,
  signal?: AbortSignal,
): Promise<CarriedObjects> {
  return ask({ ...access, kind: 'put', buckets, folder }, signal);
}

function ask(question: CarryQuestion, signal: AbortSignal | undefined): Promise<CarriedObjects> {
  const { networkOfPid } = question;
  return askWorker<CarryQuestion, CarriedObjects>(
    import.meta.url,
    './workers/carry-objects-worker',
    question,
    {
      timeoutMs: WITHIN_MS,
      ...(networkOfPid === undefined ? {} : { networkOfPid }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
}
