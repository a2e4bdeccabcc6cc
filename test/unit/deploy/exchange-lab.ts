// Replicas of a worker on an engine of the test's own: they start, end, are ill and leave, and what was done is remembered.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathsUnder } from '../../../src/base/paths.ts';
import { createLogger } from '../../../src/base/log.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { exchangeStep, type Exchange } from '../../../src/deploy/upgrade/exchange.ts';
import type { Sides } from '../../../src/deploy/upgrade/strategy.ts';

export interface Replica {
  readonly id: string;
  readonly side: 'fresh' | 'stale';
  status: 'running' | 'exited' | 'paused';
  readonly health?: 'healthy' | 'unhealthy';
  /** In the network of the edge. */
  readonly address?: string;
}

export interface LabOptions {
  /** What becomes of those that are started. */
  readonly started?: Partial<Record<Replica['side'], 'healthy' | 'unhealthy'>>;
}

const HASH = 'com.docker.compose.config-hash';

export async function exchangeLab(
  t: { teardown(end: () => unknown): void },
  replicas: Replica[],
  { started = {} }: LabOptions = {},
) {
  const root = await mkdtemp(join(tmpdir(), 'onstead-exchange-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const done: string[] = [];
  const notes: string[] = [];
  const paths = pathsUnder(root);
  const start = (side: Replica['side'], total: number): void => {
    while (replicas.length < total) {
      const id = `${side}-${replicas.length + 1}`;
      replicas.push({ id, side, status: 'running', health: started[side] ?? 'healthy' });
      done.push(`start ${id}`);
    }
  };
  const containers = {
    list: async () =>
      replicas.map(({ id, side, status, health = 'healthy', address: ipv4 }, at) => ({
        ...{ id, name: id, status, health, number: at + 1, oneOff: false, labels: { [HASH]: side } },
        networks: ipv4 === undefined ? [] : [{ name: 'notes_front', ipv4 }],
      })),
    kill: async () => {},
    stop: async (id: string) => void done.push(`stop ${id}`),
    remove: async (id: string) => {
      done.push(`remove ${id}`);
      replicas.splice(
        replicas.findIndex((one) => one.id === id),
        1,
      );
    },
    /** As the engine's own: whatever is not well in the end fails the wait. */
    waitHealthy: async (ids: readonly string[]) => {
      for (const id of ids) {
        const one = replicas.find((replica) => replica.id === id);
        if (one === undefined) throw new Error(`${id} was removed`);
        if (one.status !== 'running') throw new Error(`${id} is ${one.status}`);
        if (one.health === 'unhealthy') throw new Error(`${id} is unhealthy`);
      }
    },
    async *logs(id: string) {
      yield { line: `${id} said why` };
    },
  };
  const composeIn = async (folder: string) => ({
    hashes: async () => ({ worker: 'fresh' }),
    up: async ({ scale }: { scale: Record<string, number> }) =>
      start(folder === paths.stackNext ? 'fresh' : 'stale', scale['worker']!),
  });
  const tools = {
    ...{ paths, composeIn, engine: async () => ({ containers }), log: createLogger('silent') },
    settings: () => ({ project: 'notes' }),
  } as unknown as DeployTools;
  const step = exchangeStep(tools);
  const context = {
    ...{ operation: 'upgrade-1', signal: new AbortController().signal },
    ...{ progress: () => {}, note: (text: string) => void notes.push(text) },
  };
  const input = (before: Sides, after: Sides): Exchange => ({
    ...{ project: 'notes', service: 'worker', before, after, drainMs: 0, readyWithinMs: 1, ready: null },
  });
  return {
    ...{ replicas, done, notes, paths },
    go: (before: Sides, after: Sides) => step.apply(input(before, after), context),
    back: (before: Sides, after: Sides) => step.undo!(input(before, after), context),
  };
}
