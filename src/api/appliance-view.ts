// What the API asks, answered from the rooms. Reading only: whatever changes the stack is an operation.

import type { Appliance } from './appliance.ts';
import { hasRoom } from '../base/disk-full.ts';
import { programVersion } from '../base/program.ts';
import { prepareInstall, type DeployTools } from '../deploy/index.ts';
import type { OperationView, Runner } from '../journal/index.ts';
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
      const own = unfinishedInstallOf(tools, target.bundle.id);
      if (own !== undefined) {
        tools.bundles.remember(target.bundle);
        if (own.state === 'stuck') runner.resumeStuck(own.id);
        return { plan, operation: own.id };
      }
      const { id } = journal.create(operation);
      tools.bundles.remember(target.bundle);
      runner.start(id);
      return { plan, operation: id };
    },
  };
}

/**
 * The same command works while its own operation is not over: it takes up one that is stuck, and tells one that waits
 * for its bundle where that is. One that is being taken back is not joined: what was asked for is not what it does.
 */
function unfinishedInstallOf({ journal }: DeployTools, bundleId: string): OperationView | undefined {
  return journal.unfinished().find(({ id, kind, state }) => {
    if (kind !== 'install' || state === 'rolling-back') return false;
    const { bundle } = journal.input(id) as { bundle: { id: string } };
    return bundle.id === bundleId;
  });
}
