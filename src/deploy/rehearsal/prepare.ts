// Begins a rehearsal: looks at the bundle, the machine and the running stack, and lets the planner decide. Nothing has
// been changed when this returns.

import type { NewOperation } from '../../journal/index.ts';
import type { VerifiedBundle } from '../../release/index.ts';
import { planSize, scratchPlan } from '../../sizing/index.ts';
import { sizingDemandFrom } from '../../stack/index.ts';
import { readFact } from '../facts.ts';
import type { BeginOptions } from '../install.ts';
import { databasesOf } from '../point-data.ts';
import { stackRelease } from '../stack-files.ts';
import { observeTarget } from '../target.ts';
import type { DeployTools } from '../tools.ts';
import { installedBefore } from '../upgrade/prepare.ts';
import { measureCopies, stateBytesFor } from '../upgrade/preview/look.ts';
import { rehearsalKind } from './last-rehearsal.ts';
import { planRehearsal, type RehearsalTarget } from './plan.ts';

/** The copy, what it becomes in the scratch stack, and a migration that writes its largest table anew. */
const TIMES_ITS_DATA = 3;

export type PreparedRehearsal = NewOperation & { readonly target: RehearsalTarget };

export function prepareRehearsal(
  tools: DeployTools,
  path: string,
  options: BeginOptions,
): Promise<PreparedRehearsal> {
  return tools.bundles.usePath(path, options, (bundle) => prepare(tools, bundle));
}

async function prepare(tools: DeployTools, bundle: VerifiedBundle): Promise<PreparedRehearsal> {
  const basis = tools.journal.newestId();
  const from = await installedBefore(tools, bundle);
  const { machine } = readFact(tools.journal, 'sizing')!; // it stands as long as a release is installed
  const { target: next, facts } = await observeTarget(tools, bundle, (_now, demand) =>
    planSize(machine, demand),
  );
  const { services: running } = await stackRelease(tools);
  const { sizes } = await measureCopies(tools, next.project, running);
  const copyBytes = TIMES_ITS_DATA * sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const stateBytes = await stateBytesFor(tools, bundle, next.project, facts.images);
  const target: RehearsalTarget = {
    ...next,
    needs: { ...next.needs, upgrade: { stateBytes, copyBytes } },
    scratch: scratchPlan(next.sizing, sizingDemandFrom(bundle.release)),
    databases: databasesOf(next.services),
  };
  return {
    kind: rehearsalKind,
    title: `Rehearse the upgrade of ${target.title} from ${from.version} to ${target.version}`,
    input: { bundle: target.bundle },
    basis,
    steps: planRehearsal(target, facts),
    target,
  };
}
