// Begins an installation: looks at the bundle, the machine and the appliance, lets the planner decide, and writes
// the plan into the journal. Nothing has been changed when this returns.

import { OnsteadError } from '../base/errors.ts';
import { readTextIfAny } from '../base/files.ts';
import type { NewOperation } from '../journal/index.ts';
import type { VerifiedBundle } from '../release/index.ts';
import { planSize } from '../sizing/index.ts';
import { releasePath } from './bundle-shelf.ts';
import { readFact } from './facts.ts';
import { planInstall, type InstallTarget } from './install-plan.ts';
import { keptReleasePath } from './release-folder.ts';
import { observeTarget } from './target.ts';
import type { DeployTools } from './tools.ts';
import { wayTo } from './way-to.ts';

export interface BeginOptions {
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

export type PreparedInstall = NewOperation & { readonly target: InstallTarget };

export function prepareInstall(
  tools: DeployTools,
  path: string,
  options: BeginOptions,
): Promise<PreparedInstall> {
  return tools.bundles.usePath(path, options, (bundle) => prepare(tools, bundle));
}

async function prepare(tools: DeployTools, bundle: VerifiedBundle): Promise<PreparedInstall> {
  const basis = tools.journal.newestId();
  await refuseWrongVersion(tools, bundle);
  // A machine that is divided already keeps its plan: repairing must not resize.
  const kept = readFact(tools.journal, 'installed') && readFact(tools.journal, 'sizing');
  const { target, facts } = await observeTarget(tools, bundle, (machine, demand) =>
    kept === undefined ? planSize(machine, demand) : { ok: true, plan: kept },
  );
  return {
    kind: 'install',
    title: `Install ${target.title} ${target.version}`,
    input: { bundle: target.bundle },
    basis,
    steps: planInstall(target, facts),
    target,
  };
}

async function refuseWrongVersion(tools: DeployTools, bundle: VerifiedBundle): Promise<void> {
  const { version } = bundle.release;
  const way = await wayTo(tools, bundle);
  if (way.kind === 'upgrade') {
    throw new OnsteadError('release.upgrade', `Version ${way.from} is installed; ${way.to} is an upgrade.`, {
      next: `Upgrade with \`onstead upgrade ${bundle.path}\`.`,
    });
  }
  const kept = way.kind === 'same' ? await readTextIfAny(keptReleasePath(tools, version)) : undefined;
  if (kept !== undefined && kept !== (await bundle.readText(releasePath))) {
    throw new OnsteadError(
      'release.same-version',
      `Another release with the version ${version} is installed.`,
      {
        next: 'Ask the vendor for a release with a version of its own.',
      },
    );
  }
}
