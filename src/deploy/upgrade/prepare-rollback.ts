// Begins a rollback: finds the point, asks Compose what would change on the way back, and lets the planner decide.
// Nothing has been changed when this returns.

import { OnsteadError } from '../../base/errors.ts';
import type { NewOperation } from '../../journal/index.ts';
import type { Release, ReleaseService } from '../../release/index.ts';
import { findDrift, readStack, releaseOf } from '../../stack/index.ts';
import { readFact, type InstalledRelease } from '../facts.ts';
import { countPointLoss, type PointLoss } from '../point-loss.ts';
import { listPoints, pointStack, type Point } from '../points.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import { planRollback, type RollbackTarget } from './rollback-plan.ts';
import { changedBetween, replicasOf } from './running.ts';
import { newSeries } from './data/series.ts';
import { oneWayOf } from './way-back.ts';

export type PreparedRollback = NewOperation & {
  readonly target: RollbackTarget & { readonly release: Release };
  /** What was written since the point. */
  readonly loss: PointLoss;
};

export interface RollbackOptions {
  /** The point's id; the newest without. */
  readonly to?: string;
  readonly data: 'keep' | 'restore';
  readonly signal: AbortSignal;
}

export async function prepareRollback(
  tools: DeployTools,
  { to, data, signal }: RollbackOptions,
): Promise<PreparedRollback> {
  const basis = tools.journal.newestId();
  const from = installedNow(tools);
  const point = await pointBefore(tools, from, to);
  const folder = pointStack(tools, point.id);
  const release = releaseOf(await readStack(folder), folder);
  const old = await stackRelease(tools);
  if (data === 'keep') refuseOneWay(old.services, from);
  if (data === 'keep') refuseOlderSeries(old.services, release.services, from);
  const target = {
    ...{ point: point.id, from, to: point.from, project: from.project, release, data },
    ...{ services: release.services, sizing: point.sizing, patience: tools.settings().upgrade },
  };
  const running = await replicasOf(tools, from.project);
  const facts = {
    changed: await changedBetween(tools, folder, await findDrift(tools.paths.stack, await readStack(folder))),
    replicas: running,
    services: Object.keys(running),
    oldServices: old.services,
  };
  return {
    kind: 'rollback',
    title: `Roll back ${point.from.title} from ${from.version} to ${point.from.version}`,
    input: { point: point.id, data },
    basis,
    steps: planRollback(target, facts),
    target,
    loss: await countPointLoss(tools, { project: from.project, point: point.id, signal }),
  };
}

function installedNow({ journal }: DeployTools): InstalledRelease {
  const installed = readFact(journal, 'installed');
  if (installed !== undefined) return installed;
  throw new OnsteadError('release.not-installed', 'Nothing is installed here that could be rolled back.', {
    next: 'Install a release with `onstead install BUNDLE`.',
  });
}

/** Only the step before is undone in one go: what lies further back knows nothing of the migrations in between. */
async function pointBefore(tools: DeployTools, from: InstalledRelease, wanted?: string): Promise<Point> {
  const points = await listPoints(tools);
  const [newest] = points;
  if (newest === undefined || newest.from.version === from.version) {
    throw new OnsteadError('release.no-way-back', `There is no way back from ${from.version}.`, {
      next: 'A way back is kept by each upgrade; see `onstead operations` for what was done.',
    });
  }
  if (wanted === undefined || wanted === newest.id) return newest;
  throw new OnsteadError(
    'release.no-point',
    `The way back leads to ${newest.from.version} (${newest.id}), not to "${wanted}".`,
    {
      next: 'Roll back to that first: `onstead rollback`.',
    },
  );
}

/** What cannot be taken back by the vendor's own words would leave the old release with a database it does not know. */
function refuseOneWay(services: readonly ReleaseService[], { version }: InstalledRelease): void {
  const names = services.map(({ name }) => name);
  const [service] = oneWayOf(services, names);
  if (service === undefined) return;
  throw new OnsteadError(
    'release.one-way',
    `The migrations of ${version} cannot be taken back by themselves (service "${service}").`,
    { next: 'Go back with the data of then (`onstead rollback --restore-data` says what that would lose).' },
  );
}

/** An older series cannot read the data of a newer one. */
function refuseOlderSeries(
  now: readonly ReleaseService[],
  then: readonly ReleaseService[],
  { version }: InstalledRelease,
): void {
  const [change] = newSeries(now, then);
  if (change === undefined) return;
  throw new OnsteadError(
    'release.one-way',
    `With ${version} the database "${change.service}" became another series, and ${change.to} cannot read the data of ${change.from}.`,
    { next: 'Go back with the data of then (`onstead rollback --restore-data` says what that would lose).' },
  );
}
