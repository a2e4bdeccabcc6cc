// What the data is while nobody writes, by name: the transactions of each database and a cut of each object store. From
// two of these it is known what came in between, and a way leads back to each.

import type { Moment, Restored } from '../../facts.ts';
import { countRowChanges, countObjectChanges, executedIn } from '../../../stack/index.ts';
import { cutStore } from '../../object-versions.ts';
import type { PointData } from '../../point-data.ts';
import type { PointLoss } from '../../point-loss.ts';
import { accessTo } from '../../steps/data-steps.ts';
import { containerIfWell, healthyContainer, type DeployTools } from '../../tools.ts';

/** A database that does not answer has none: then it is not known what it holds, but it is there. */
export async function readMoment(
  tools: DeployTools,
  project: string,
  { databases, stores }: PointData,
  signal: AbortSignal,
): Promise<Moment> {
  const engine = await tools.engine();
  const gtids: Record<string, string> = {};
  for (const { service } of databases) {
    const container = await containerIfWell(tools, project, service);
    const set = container && (await executedIn(engine, container).catch(() => undefined));
    if (set !== undefined) gtids[service] = set;
  }
  const cuts: { service: string; cut: Moment['stores'][number]['cut'] }[] = [];
  for (const { service, cut } of stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const { buckets } = cut;
    cuts.push({ service, cut: await cutStore(tools, { service, buckets, access }, signal) });
  }
  return { gtids, stores: cuts };
}

/** What was written since then. */
export async function lossSince(
  tools: DeployTools,
  project: string,
  { gtids, stores }: Moment,
  { databases }: PointData,
  signal: AbortSignal,
): Promise<PointLoss> {
  const engine = await tools.engine();
  const unknown: { service: string; why: string }[] = [];
  const counted: { service: string; changes: PointLoss['databases'][number]['changes'] }[] = [];
  for (const { service } of databases) {
    const container = await containerIfWell(tools, project, service);
    const set = gtids[service];
    if (container === undefined || set === undefined) {
      unknown.push({ service, why: `${service} does not answer` });
    } else {
      const since = { gtids: set, binlog: '', serverUuid: '' };
      counted.push({ service, changes: await countRowChanges(engine, container, since, signal) });
    }
  }
  const objects = { written: 0, deleted: 0, versions: 0 };
  for (const { service, cut } of stores) {
    const access = await accessTo(tools, await healthyContainer(tools, project, service, signal));
    const { written, deleted, versions } = await countObjectChanges(access, cut, signal);
    objects.written += written;
    objects.deleted += deleted;
    objects.versions += versions;
  }
  return { databases: counted, objects, hasMigrations: false, unknown };
}

/** The point of whoever left this data: the volumes as they are, exactly as they were left. */
export function dataAsLeft({ before, held }: Restored, { databases }: PointData): PointData {
  return {
    databases: databases.map(({ service, key }) => {
      const gtids = held?.gtids[service];
      return { service, key, volume: before[key]!, ...(gtids === undefined ? {} : { gtids }) };
    }),
    stores: held?.stores ?? [],
  };
}
