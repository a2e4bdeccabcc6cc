// What the API asks, answered from the rooms. Reading only: whatever changes the stack is an operation.

import type { Appliance, Begun } from './appliance.ts';
import { hasRoom } from '../base/disk-full.ts';
import { programVersion } from '../base/program.ts';
import {
  prepareInstall,
  prepareUpgrade,
  type DeployTools,
  type PreparedInstall,
  type PreparedUpgrade,
} from '../deploy/index.ts';
import type { Journal, OperationView, Runner } from '../journal/index.ts';
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
      const prepared = await prepareInstall(tools, path, { onProgress, signal });
      return begin(tools, runner, prepared, { dryRun, signal });
    },
    async upgrade({ path, dryRun, strategy }, onProgress, signal) {
      const chosen = strategy === undefined ? {} : { strategy };
      const prepared = await prepareUpgrade(tools, path, { onProgress, signal, ...chosen });
      return begin(tools, runner, prepared, { dryRun, signal });
    },
  };
}

function begin(
  { journal, bundles }: DeployTools,
  runner: Runner,
  { target, ...operation }: PreparedInstall | PreparedUpgrade,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Begun {
  const { product, title, version, permissions, bundle } = target;
  const steps = operation.steps.map(({ type, title: stepTitle }) => ({ type, title: stepTitle }));
  const plan = { product, title, version, permissions: [...permissions], steps };
  if (dryRun) return { plan };
  signal.throwIfAborted(); // whoever asked has left
  const own = unfinishedOf(journal, operation.kind, bundle.id);
  if (own !== undefined) {
    bundles.remember(bundle);
    if (own.state === 'stuck') runner.resumeStuck(own.id);
    return { plan, operation: own.id };
  }
  const { id } = journal.create(operation);
  bundles.remember(bundle);
  runner.start(id);
  return { plan, operation: id };
}

/**
 * The same command works while its own operation is not over: it takes up one that is stuck, and tells one that waits
 * for its bundle where that is. One that is being taken back is not joined: what was asked for is not what it does.
 */
function unfinishedOf(journal: Journal, wanted: string, bundleId: string): OperationView | undefined {
  return journal.unfinished().find(({ id, kind, state }) => {
    if (kind !== wanted || state === 'rolling-back') return false;
    const { bundle } = journal.input(id) as { bundle: { id: string } };
    return bundle.id === bundleId;
  });
}
