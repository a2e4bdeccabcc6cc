// Versions of objects: cuts of a store, and clearing away by and by what no cut needs. A bucket that kept versions before
// Onstead asked it to keeps them for somebody else: nothing there is cleared away, and it goes on.

import type { ReleaseService } from '../release/index.ts';
import {
  cutObjects,
  lockData,
  lockStack,
  sweepObjects,
  versionedBuckets,
  type ObjectCut,
  type ObjectStoreAccess,
  type SweepPlace,
  type Swept,
} from '../stack/index.ts';
import { clearFact, readFact, writeFact, type VersionsOf } from './facts.ts';
import { stackRelease } from './stack-files.ts';
import { accessTo } from './steps/data-steps.ts';
import { containerIfWell, type DeployTools } from './tools.ts';

/** An operation that begins in between waits no longer than this. */
const PORTION_MS = 10_000;
/** At a time; the next look goes on where this one ended. */
const LOOK_FOR_MS = 30 * 60_000;
const BETWEEN_MS = 1_000;

export interface Store {
  readonly service: string;
  readonly buckets: readonly string[];
  readonly access: ObjectStoreAccess;
}

/** Whose versions a bucket keeps is known before Onstead first asks it to keep them. */
export async function cutStore(
  { journal }: Pick<DeployTools, 'journal'>,
  { service, buckets, access }: Store,
  signal?: AbortSignal,
): Promise<ObjectCut> {
  const known = readFact(journal, 'versions') ?? {};
  const fresh = buckets.filter((bucket) => known[placeOf(service, bucket)] === undefined);
  if (fresh.length > 0) {
    const theirs = await versionedBuckets(access, fresh, signal);
    const found = fresh.map((bucket): [string, VersionsOf] => [
      placeOf(service, bucket),
      theirs.includes(bucket) ? 'theirs' : 'ours',
    ]);
    writeFact(journal, 'versions', { ...known, ...Object.fromEntries(found) });
  }
  return cutObjects(access, buckets, signal);
}

/** The buckets of a store whose versions are there for restore points alone. */
export function ownBuckets(
  { journal }: Pick<DeployTools, 'journal'>,
  service: string,
  buckets: readonly string[],
): string[] {
  const known = readFact(journal, 'versions') ?? {};
  return buckets.filter((bucket) => known[placeOf(service, bucket)] === 'ours');
}

function placeOf(service: string, bucket: string): string {
  return `${service}/${bucket}`;
}

/** Cuts that somebody holds, by service. */
export type CutsOf = (service: string) => Promise<readonly Pick<ObjectCut, 'cutMs'>[]>;

/**
 * Removes versions that no cut needs, a portion at a time, each with both locks: a cut that is made meanwhile must find
 * versions kept. Never while an operation is not over: it may go back to what is in no point.
 */
export async function clearVersions(tools: DeployTools, cutsOf: CutsOf, signal: AbortSignal): Promise<void> {
  const { clock, journal, log, paths } = tools;
  const endMs = clock.monotonicMs() + LOOK_FOR_MS;
  let removed = 0;
  for (;;) {
    const atData = (): Promise<Portion> =>
      lockData(paths, () => clearPortion(tools, cutsOf, signal), { signal });
    const portion = await lockStack(paths, atData, { signal });
    removed += portion.removed;
    if (portion.isOver || clock.monotonicMs() > endMs) break;
    await clock.sleep(BETWEEN_MS, signal);
  }
  if (removed > 0) log.info({ removed, isOver: readFact(journal, 'swept') === undefined }, 'old versions');
}

interface Portion {
  readonly removed: number;
  readonly isOver: boolean;
}

async function clearPortion(tools: DeployTools, cutsOf: CutsOf, signal: AbortSignal): Promise<Portion> {
  const { journal } = tools;
  const project = readFact(journal, 'installed')?.project;
  if (project === undefined || journal.unfinished().length > 0) return { removed: 0, isOver: true };
  const stores = storesOf((await stackRelease(tools)).services);
  const place = readFact(journal, 'swept');
  const at = Math.max(
    0,
    stores.findIndex(({ service }) => service === place?.service),
  );
  const store = stores[at];
  if (store === undefined) return { removed: 0, isOver: true };
  const from = store.service === place?.service ? place.from : undefined;
  const { removed, next } = await clearStore(tools, project, store, { cutsOf, from, signal });
  const following = next === undefined ? stores[at + 1]?.service : store.service;
  if (following === undefined) clearFact(journal, 'swept');
  else writeFact(journal, 'swept', { service: following, ...(next === undefined ? {} : { from: next }) });
  return { removed, isOver: following === undefined };
}

interface PortionTask {
  readonly cutsOf: CutsOf;
  readonly from: SweepPlace | undefined;
  readonly signal: AbortSignal;
}

/** One that is not well is passed over until the next look. */
async function clearStore(
  tools: DeployTools,
  project: string,
  { service, buckets }: Pick<Store, 'service' | 'buckets'>,
  { cutsOf, from, signal }: PortionTask,
): Promise<Swept> {
  const own = ownBuckets(tools, service, buckets);
  const container = own.length === 0 ? undefined : await containerIfWell(tools, project, service);
  if (container === undefined) return { removed: 0 };
  const cutsMs = (await cutsOf(service)).map(({ cutMs }) => cutMs);
  const task = { cutsMs, forMs: PORTION_MS, ...(from === undefined ? {} : { from }) };
  return sweepObjects(await accessTo(tools, container), own, task, signal);
}

export function storesOf(services: readonly ReleaseService[]): Pick<Store, 'service' | 'buckets'>[] {
  return services.flatMap((one) =>
    one.role === 'minio' && one.buckets.length > 0 ? [{ service: one.name, buckets: one.buckets }] : [],
  );
}
