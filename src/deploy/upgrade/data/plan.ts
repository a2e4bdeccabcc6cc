// How a data service becomes what the next stack says, as data: why, for how long requests wait, and whether it goes on
// with its own data or with a copy of it. Pure.

import type { MinioService, MysqlService, RedisService, ReleaseService } from '../../../release/index.ts';
import type { ReplaceData } from './job.ts';
import type { Replacement, RunningFacts } from '../replace-plan.ts';
import type { Step } from '../step-types.ts';
import { newSeries, type SeriesChange } from './series.ts';

export type DataService = MysqlService | RedisService | MinioService;

export function isDataService(service: ReleaseService): service is DataService {
  return service.role === 'mysql' || service.role === 'redis' || service.role === 'minio';
}

/** From the first stop to the answer of the new one, as it was seen on a small machine; the copy comes on top. */
const USUAL_MS: Readonly<Record<DataService['role'], number>> = {
  mysql: 10_000,
  redis: 3_000,
  minio: 12_000,
};
const COPIED_BYTES_PER_S = 100_000_000;
/** Nobody is answered while one that says nothing is waited for: as long as requests wait, and not much longer than usual. */
const ANSWERS_WITHIN_MS = 20_000;
const TIMES_USUAL = 3;
/** Another MySQL may bring its own tables up to date before it answers, and one of a newer series all of its data. */
const UPDATED_WITHIN_MS = 5 * 60_000;
const CHANGED_WITHIN_MS = 30 * 60_000;

/** Nothing where it stays as it is. */
export function dataSteps(target: Replacement, facts: RunningFacts, service: DataService): Step[] {
  const { name, role } = service;
  const { project, patience } = target;
  const old = facts.oldServices.find((one) => one.name === name);
  const [series] = newSeries(facts.oldServices, [service]);
  if (!facts.changed.includes(name) && series === undefined) return [];
  const why = reasonFor(service, old, series);
  const waitsMs = USUAL_MS[role] + (series === undefined ? 0 : copyingMs(facts.dataBytes?.[name] ?? 0));
  return [
    {
      type: 'replace-data',
      title: `Replace ${name}: ${why}; ${waitingWords(waitsMs, patience.holdMs)}`,
      input: {
        ...{ project, service: name, role, why, limitMs: patience.holdMs },
        answersWithinMs: answersWithinMs(service, old, series, patience.holdMs),
        buckets: role === 'minio' ? service.buckets : [],
        app: askedApp(facts),
        movesTo: series ?? null,
      },
    },
  ];
}

function reasonFor(
  { image }: DataService,
  old: ReleaseService | undefined,
  series: SeriesChange | undefined,
): string {
  if (series !== undefined) return `${series.from} to ${series.to} on a copy of its data`;
  return old !== undefined && old.image !== image ? 'new image' : 'new settings';
}

function answersWithinMs(
  { role, image }: DataService,
  old: ReleaseService | undefined,
  series: SeriesChange | undefined,
  holdMs: number,
): number {
  if (series !== undefined) return CHANGED_WITHIN_MS;
  const isUpdated = role === 'mysql' && old?.image !== image;
  return Math.max(holdMs, TIMES_USUAL * USUAL_MS[role], isUpdated ? UPDATED_WITHIN_MS : ANSWERS_WITHIN_MS);
}

function copyingMs(bytes: number): number {
  return (bytes / COPIED_BYTES_PER_S) * 1000;
}

/** Beyond the limit a request gets the answer that there is. */
function waitingWords(waitsMs: number, holdMs: number): string {
  const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1000))} s`;
  if (waitsMs <= holdMs) return `requests wait, about ${seconds(waitsMs)}`;
  return `requests wait ${seconds(holdMs)}, then fail for about ${seconds(waitsMs - holdMs)}`;
}

/** The app that runs: it must do as well with the new service as it does with the old one. */
function askedApp({ oldServices }: RunningFacts): ReplaceData['app'] {
  const app = oldServices.find((service) => service.role === 'app');
  return app?.role === 'app' ? { service: app.name, port: app.port, ready: app.ready } : null;
}
