// What each kind of data service is asked while it is replaced: is it there, what does it hold, is everything on the
// disk, does it hold what was held. One row a kind; whoever replaces them treats all alike.

import { isOnsteadError } from '../../../base/errors.ts';
import type { StepContext } from '../../../journal/index.ts';
import {
  dropIdleConnections,
  endWriting,
  redisAnswer,
  isStoreThere,
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

/** A server that says that it still reads its data is on its way, however long that takes. */
export type Answering = 'there' | 'on its way' | 'nothing' | 'refuses';

export interface DataKind {
  answering(asked: Asked): Promise<Answering>;
  /** What an earlier look found is not read again where nothing was written since. */
  look(asked: Asked, earlier?: Held): Promise<Held>;
  /** Before it is told to end. */
  settle(asked: Asked): Promise<void>;
  /** Throws where something is missing; says what was compared. Where others wrote since, more than that is fine. */
  prove(asked: Asked, held: Held, isOpen: boolean): Promise<string>;
  /** Nobody writes to it any more; whether it holds more than was held: somebody did not wait at the edge. */
  hasMore?(asked: Asked, held: Held): Promise<boolean>;
  /** Before requests wait it can be looked at in full, in part, or not at all; the rest is seen while they wait. */
  readonly looksEarly: 'all' | 'some' | 'never';
  /** It ends by itself within this; only then it is killed. */
  readonly endsWithinS: number;
  /** The same of a new one that is taken back, while everybody waits. */
  readonly leavesWithinS: number;
  /** Its files are copied once it has ended: no restore point has them. */
  readonly keepsFiles: boolean;
  /** Inside the container. */
  readonly dataFolder: string;
}

const ANSWER_WITHIN_MS = 5_000;

const mysql: DataKind = {
  answering: async ({ tools, container, signal }) => {
    const patience = { timeoutMs: ANSWER_WITHIN_MS, signal };
    const said = await runSql(await tools.engine(), container, ['SELECT 1;'], patience);
    return said.trim() === '1' ? 'there' : 'nothing';
  },
  look: async ({ tools, container }, earlier) => ({
    mysql: await readState(await tools.engine(), container, earlier?.mysql),
  }),
  settle: async ({ tools, container }) => dropIdleConnections(await tools.engine(), container),
  prove: async ({ tools, container }, held) =>
    held.mysql === undefined ? 'it answers' : proveState(await tools.engine(), container, held.mysql),
  hasMore: async ({ tools, container }, held) =>
    held.mysql !== undefined && (await endWriting(await tools.engine(), container)) !== held.mysql.gtids,
  looksEarly: 'some',
  endsWithinS: 15 * 60, // a large pool of dirty pages on a slow disk
  leavesWithinS: 15 * 60, // what another patch of it left in its log the old one may not read
  keepsFiles: false, // the point's copy
  dataFolder: '/var/lib/mysql',
};

const redis: DataKind = {
  answering: async ({ tools, container }) => redisAnswer(await tools.engine(), container),
  look: async ({ tools, container }) => ({
    redis: await readRedis(await tools.engine(), container, tools.clock.now().getTime()),
  }),
  settle: async ({ tools, container }) => saveRedis(await tools.engine(), container),
  prove: async ({ tools, container }, { redis: before }, isOpen) => {
    if (before === undefined) return 'it answers';
    // Keys come and go: what people did since is not told from what is missing.
    if (isOpen) return 'it answers; others had written to it before it could be compared';
    return proveRedis(await tools.engine(), container, before, tools.clock.now().getTime());
  },
  looksEarly: 'never', // nobody writes from the look on
  endsWithinS: 5 * 60,
  leavesWithinS: 10,
  keepsFiles: true,
  dataFolder: '/data',
};

const minio: DataKind = {
  answering: async ({ tools, container, buckets, signal }) => {
    const access = await accessTo(tools, container);
    try {
      return (await isStoreThere(access, buckets, ANSWER_WITHIN_MS, signal)) ? 'there' : 'nothing';
    } catch (error) {
      if (isOnsteadError(error, 'store.refused')) return 'refuses';
      throw error;
    }
  },
  look: async ({ tools, container, buckets, signal }) => ({
    minio: await sampleObjects(await accessTo(tools, container), buckets, signal),
  }),
  settle: async () => {},
  prove: async ({ tools, container, buckets, signal }, held) => {
    const access = await accessTo(tools, container);
    return proveObjects(access, buckets, held.minio ?? [], signal);
  },
  looksEarly: 'all', // a version of an object never becomes another one
  endsWithinS: 5 * 60,
  leavesWithinS: 10,
  keepsFiles: false, // the point's cut of versions
  dataFolder: '/data',
};

export const dataKinds: { readonly [Role in DataRole]: DataKind } = { mysql, redis, minio };
