// Replicas of a worker on an engine of the test's own: they start, end and leave, and what was done is remembered.

import { pathsUnder } from '../../../src/base/paths.ts';
import { createLogger } from '../../../src/base/log.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { exchangeStep, type Exchange } from '../../../src/deploy/upgrade/exchange.ts';
import type { Sides } from '../../../src/deploy/upgrade/strategy.ts';

export interface Replica {
  readonly id: string;
  readonly side: 'fresh' | 'stale';
  status: 'running' | 'exited';
}

const HASH = 'com.docker.compose.config-hash';

export function exchangeLab(replicas: Replica[]) {
  const done: string[] = [];
  const notes: string[] = [];
  const paths = pathsUnder('/nonexistent');
  const start = (side: Replica['side'], total: number): void => {
    while (replicas.length < total) {
      const id = `${side}-${replicas.length + 1}`;
      replicas.push({ id, side, status: 'running' });
      done.push(`start ${id}`);
    }
  };
  const containers = {
    list: async () =>
      replicas.map(({ id, side, status }, at) => ({
        ...{ id, name: id, status, number: at + 1, oneOff: false, labels: { [HASH]: side } },
      })),
    stop: async (id: string) => void done.push(`stop ${id}`),
    remove: async (id: string) => {
      done.push(`remove ${id}`);
      replicas.splice(
        replicas.findIndex((one) => one.id === id),
        1,
      );
    },
    waitHealthy: async (ids: readonly string[]) => {
      const ended = replicas.find(({ id, status }) => ids.includes(id) && status === 'exited');
      if (ended !== undefined) throw new Error(`${ended.id} ended`);
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
    ...{ replicas, done, notes },
    go: (before: Sides, after: Sides) => step.apply(input(before, after), context),
    back: (before: Sides, after: Sides) => step.undo!(input(before, after), context),
  };
}
