// What each kind of data service is asked while it is replaced: is it there, what does it hold, is everything on the
// disk, does it hold what was held. One row a kind; whoever replaces them treats all alike.

import type { StepContext } from '../../../journal/index.ts';
import {
  isRedisThere,
  isStoreThere,
  probeBuckets,
  proveObjects,
  proveRedis,
  proveState,
  readRedis,
  readState,
  runSql,
  sampleObjects,
  saveRedis,
} from '../../../stack/index.ts';
import { accessTo } from '../../steps/data-steps.ts';
import type { DeployTools } from '../../tools.ts';
import type { DataRole } from './job.ts';
import type { Held } from './record.ts';

/** One container of a data service, running. */
export interface Asked {
  readonly tools: DeployTools;
  readonly container: string;
  readonly buckets: readonly string[];
  readonly signal: StepContext['signal'];
}

export interface DataKind {
  isThere(asked: Asked): Promise<boolean>;
  look(asked: Asked): Promise<Held>;
  /** Before it is told to end. */
  settle(asked: Asked): Promise<void>;
  /** Throws where something is missing; says what was compared. */
  prove(asked: Asked, held: Held): Promise<string>;
  /** What it holds is looked at while requests wait already; else it can be looked at before. */
  readonly needsQuiet: boolean;
  /** It ends by itself within this; only then it is killed. */
  readonly endsWithinS: number;
  /** Its files are copied once it has ended: no restore point has them. */
  readonly keepsFiles: boolean;
  /** Inside the container. */
  readonly dataFolder: string;
}

const ANSWER_WITHIN_MS = 5_000;

const mysql: DataKind = {
  isThere: async ({ tools, container, signal }) => {
    const patience = { timeoutMs: ANSWER_WITHIN_MS, signal };
    return (await runSql(await tools.engine(), container, ['SELECT 1;'], patience)).trim() === '1';
  },
  look: async ({ tools, container }) => ({ mysql: await readState(await tools.engine(), container) }),
  settle: async () => {},
  prove: async ({ tools, container }, held) =>
    held.mysql === undefined ? 'it answers' : proveState(await tools.engine(), container, held.mysql),
  needsQuiet: true,
  endsWithinS: 15 * 60, // a large pool of dirty pages on a slow disk
  keepsFiles: false, // the point's copy
  dataFolder: '/var/lib/mysql',
};

const redis: DataKind = {
  isThere: async ({ tools, container }) => isRedisThere(await tools.engine(), container),
  look: async ({ tools, container }) => ({
    redis: await readRedis(await tools.engine(), container, tools.clock.now().getTime()),
  }),
  settle: async ({ tools, container }) => saveRedis(await tools.engine(), container),
  prove: async ({ tools, container }, held) =>
    held.redis === undefined
      ? 'it answers'
      : proveRedis(await tools.engine(), container, held.redis, tools.clock.now().getTime()),
  needsQuiet: true,
  endsWithinS: 5 * 60,
  keepsFiles: true,
  dataFolder: '/data',
};

const minio: DataKind = {
  isThere: async ({ tools, container, buckets, signal }) =>
    isStoreThere(await accessTo(tools, container), buckets, ANSWER_WITHIN_MS, signal),
  look: async ({ tools, container, buckets, signal }) => ({
    minio: await sampleObjects(await accessTo(tools, container), buckets, signal),
  }),
  settle: async () => {},
  prove: async ({ tools, container, buckets, signal }, held) => {
    const access = await accessTo(tools, container);
    await probeBuckets(access, buckets);
    const seen = await proveObjects(access, held.minio ?? [], signal);
    return `a put, a get and a delete worked; ${seen}`;
  },
  needsQuiet: false, // a version of an object never becomes another one
  endsWithinS: 5 * 60,
  keepsFiles: false, // the point's cut of versions
  dataFolder: '/data',
};

export const dataKinds: { readonly [Role in DataRole]: DataKind } = { mysql, redis, minio };
