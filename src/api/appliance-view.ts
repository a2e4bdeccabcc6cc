// What the API asks, answered from the rooms. Reading only: whatever changes the stack is an operation.

import type { Appliance } from './appliance.ts';
import { hasRoom } from '../base/disk-full.ts';
import { programVersion } from '../base/program.ts';
import { prepareInstall, type DeployTools } from '../deploy/index.ts';
import type { Runner } from '../journal/index.ts';
import { readLogs, readServices } from './service-view.ts';
import { readStatus } from './status-view.ts';

export function createAppliance(tools: DeployTools, runner: Runner): Appliance {
  const { journal, clock } = tools;
  const startedAt = clock.now().toISOString();
  // Before the first request and the first operation: what they log may hold what an engine or a program said.
  tools.log.maskWith((text) => tools.secrets.mask(text));
  return {
    version: () => ({ onstead: programVersion(), node: process.versions.node, startedAt }),
    status: () => readStatus(tools),
    services: () => readServices(tools),
    logs: (service, query) => readLogs(tools, service, query),
    operations: () => journal.list(),
    operation: (id) => journal.get(id),
    events: (id, after) => journal.events(id, after),
    listen: (listener) => journal.listen(listener),
    holdUp: async () => ((await hasRoom(tools.paths.state)) ? undefined : `no room on ${tools.paths.state}`),
    mask: (text) => tools.secrets.mask(text),
    resume: (id) => runner.resumeStuck(id),
    abandon: (id) => runner.abandonStuck(id),
    async install({ path, dryRun }, onProgress, signal) {
      const { target, ...operation } = await prepareInstall(tools, path, { onProgress, signal });
      const { product, title, version, permissions } = target;
      const steps = operation.steps.map(({ type, title: stepTitle }) => ({ type, title: stepTitle }));
      const plan = { product, title, version, permissions: [...permissions], steps };
      if (dryRun) return { plan };
      signal.throwIfAborted(); // whoever asked has left
      const stuck = stuckInstallOf(tools, target.bundle.id);
      if (stuck !== undefined) {
        runner.resumeStuck(stuck);
        return { plan, operation: stuck };
      }
      const { id } = journal.create(operation);
      runner.start(id);
      return { plan, operation: id };
    },
  };
}

/** The same command works once the cause is gone: it takes up its own stuck operation. */
function stuckInstallOf({ journal }: DeployTools, bundleId: string): string | undefined {
  const stuck = journal.unfinished().find(({ kind, state }) => kind === 'install' && state === 'stuck');
  if (stuck === undefined) return undefined;
  const { bundle } = journal.input(stuck.id) as { bundle: { id: string } };
  return bundle.id === bundleId ? stuck.id : undefined;
}
