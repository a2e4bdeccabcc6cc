// Begins an upgrade: looks at the bundle, the machine and the stack as it runs, asks Compose what would change, and
// lets the planner decide. Nothing has been changed when this returns.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import type { NewOperation } from '../../journal/index.ts';
import type { Strategy, VerifiedBundle } from '../../release/index.ts';
import { planSize } from '../../sizing/index.ts';
import { findDrift, writeStack, type StackFiles } from '../../stack/index.ts';
import { releasePath } from '../bundle-shelf.ts';
import { readFact, type InstalledRelease } from '../facts.ts';
import type { BeginOptions } from '../install.ts';
import { stackSpecOf } from '../install-plan.ts';
import { renderSpec, stackRelease } from '../stack-files.ts';
import { observeTarget } from '../target.ts';
import type { DeployTools } from '../tools.ts';
import { wayTo } from '../way-to.ts';
import { planUpgrade, type UpgradeTarget } from './plan.ts';
import { changedBetween, replicasOf } from './running.ts';
import { oneWayOf } from './way-back.ts';

export type PreparedUpgrade = NewOperation & {
  readonly target: UpgradeTarget;
  /** Services whose migration has no way back. */
  readonly oneWay: readonly string[];
};

export interface UpgradeOptions extends BeginOptions {
  readonly strategy?: Strategy;
}

export function prepareUpgrade(
  tools: DeployTools,
  path: string,
  options: UpgradeOptions,
): Promise<PreparedUpgrade> {
  return tools.bundles.usePath(path, options, (bundle) => prepare(tools, bundle, options));
}

async function prepare(
  tools: DeployTools,
  bundle: VerifiedBundle,
  { strategy }: UpgradeOptions,
): Promise<PreparedUpgrade> {
  const basis = tools.journal.newestId();
  const from = await installedBefore(tools, bundle);
  // The machine as it was divided: an upgrade does not take what was added since without being asked.
  const { machine } = readFact(tools.journal, 'sizing')!; // it stands as long as a release is installed
  const observed = await observeTarget(tools, bundle, (_now, demand) => planSize(machine, demand));
  const target: UpgradeTarget = {
    ...observed.target,
    from,
    patience: tools.settings().upgrade,
    ...(strategy === undefined ? {} : { strategy }),
  };
  const files = renderSpec(tools, stackSpecOf(target), await bundle.readText(releasePath), target.sizing);
  const facts = {
    ...observed.facts,
    changed: await changedServices(tools, files),
    replicas: await replicasOf(tools, target.project),
    oldServices: (await stackRelease(tools)).services,
  };
  return {
    kind: 'upgrade',
    title: `Upgrade ${target.title} from ${from.version} to ${target.version}`,
    input: { bundle: target.bundle },
    basis,
    steps: planUpgrade(target, facts),
    target,
    oneWay: oneWayOf(target.services, facts.changed),
  };
}

async function installedBefore(tools: DeployTools, bundle: VerifiedBundle): Promise<InstalledRelease> {
  const way = await wayTo(tools, bundle);
  if (way.kind === 'upgrade') return readFact(tools.journal, 'installed')!; // that is where the way begins
  if (way.kind === 'install') {
    throw new OnsteadError('release.not-installed', 'Nothing is installed here that could be upgraded.', {
      next: `Install it with \`onstead install ${bundle.path}\`.`,
    });
  }
  throw new OnsteadError('release.same', `Version ${bundle.release.version} is installed already.`, {
    next: `Nothing needs to be done. To put an installation right: \`onstead install ${bundle.path}\`.`,
  });
}

async function changedServices(tools: DeployTools, files: StackFiles): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-next-'));
  try {
    await writeStack(folder, files);
    return await changedBetween(tools, folder, await findDrift(tools.paths.stack, files));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
