// An appliance of the test's own over a real journal: the API is tested, not the rooms behind it.

import type { Appliance } from '../../../src/api/index.ts';
import { createLogger } from '../../../src/base/log.ts';
import { buildServer, type Server } from '../../../src/api/index.ts';
import type { JournalEvent } from '../../../src/journal/index.ts';
import { openJournal, type JournalLab } from '../journal/lab.ts';

export interface ApiLab extends JournalLab {
  readonly server: Server;
  /** Listeners that have not been taken away. */
  readonly listening: () => number;
  /** What was asked for, in words. */
  readonly asked: string[];
}

const somePlan = {
  product: 'notes',
  title: 'Notes',
  version: '1.0.0',
  permissions: [{ service: 'app', name: 'outbound', opens: 'the world' }],
  warnings: [],
  steps: [{ type: 'one', title: 'Do one' }],
};

const somePlanned = {
  ...{ id: 'upgrade-1', title: 'Upgrade Notes', at: '2026-11-22T01:30:00.000Z', path: '/x.tar' },
  ...{
    wall: '2026-11-22 02:30',
    zone: 'Europe/Zurich',
    state: 'waiting' as const,
    message: null,
    next: null,
  },
};

const someAside = {
  ...{ id: 'upgrade-1', operation: 'upgrade-1', at: '2026-11-21T05:00:00.000Z', what: '3 rows added' },
  ...{ bytes: 5, volumes: [{ name: 'trial_mysql.then', bytes: 5 }], files: [] },
};

interface Ends {
  teardown(end: () => unknown): void;
}

export async function openApi(t: Ends, change: Partial<Appliance> = {}): Promise<ApiLab> {
  const lab = await openJournal(t);
  const { journal } = lab;
  const asked: string[] = [];
  const listeners = new Set<(event: JournalEvent) => void>();
  journal.listen((event) => {
    for (const listener of listeners) listener(event);
  });
  const appliance: Appliance = {
    version: () => ({ onstead: '1.2.3', node: '26.0.0', startedAt: '2026-11-21T05:00:00.000Z' }),
    status: async () => ({
      sentence: 'Notes is well.',
      well: true,
      release: null,
      addresses: ['https://localhost'],
      certificateEnds: null,
      services: [],
      operation: null,
      operations: [],
      planned: null,
      engineTrouble: null,
      machineChange: null,
      attention: [],
    }),
    services: async () => [],
    async *logs(service) {
      yield {
        service,
        container: `${service}-1`,
        stream: 'stdout',
        at: '2026-11-21T05:00:00Z',
        line: 'hello',
      };
    },
    upgrade: async ({ path, dryRun, strategy, at }) => {
      asked.push(['upgrade', path, dryRun ? 'dry' : '', strategy, at].filter(Boolean).join(' '));
      return { plan: somePlan };
    },
    rehearse: async ({ path, dryRun }) => {
      asked.push(`rehearse ${path}${dryRun ? ' dry' : ''}`);
      return { plan: somePlan };
    },
    rollback: async ({ to, data, dryRun }) => {
      asked.push(`rollback ${data} ${to ?? ''}${dryRun ? ' dry' : ''}`);
      return { plan: somePlan };
    },
    async install({ path, dryRun }) {
      asked.push(`install ${path}${dryRun ? ' dry' : ''}`);
      return dryRun ? { plan: somePlan } : { plan: somePlan, operation: 'install-1' };
    },
    operations: () => journal.list(),
    operation: (id) => journal.get(id),
    events: (id, after) => journal.events(id, after),
    told: async (id) => void journal.get(id),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    holdUp: async () => undefined,
    mask: (text) => text,
    resume: (id) => void asked.push(`resume ${id}`),
    abandon: (id) => void asked.push(`abandon ${id}`),
    planned: () => null,
    setAside: async () => [someAside],
    removeSetAside: async (id) => {
      asked.push(`remove ${id}`);
      return someAside;
    },
    cancel: (id) => {
      asked.push(`cancel ${id}`);
      return somePlanned;
    },
    ...change,
  };
  const server = buildServer(appliance, createLogger('silent'));
  t.teardown(() => server.close());
  return { ...lab, server, asked, listening: () => listeners.size };
}
