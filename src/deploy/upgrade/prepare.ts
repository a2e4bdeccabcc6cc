// Begins an upgrade: looks at the bundle, the machine and the stack as it runs, asks Compose what would change, and
// lets the planner decide. Nothing has been changed when this returns.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { NewOperation } from '../../journal/index.ts';
import type { Strategy, VerifiedBundle } from '../../release/index.ts';
import { analyzeFacts, sizingMachineFrom } from '../../machine/index.ts';
import { planSize, spareRoom, type SpareRoom } from '../../sizing/index.ts';
import { cappedMachine, findDrift, readSettings, writeStack, type StackFiles } from '../../stack/index.ts';
import { releasePath } from '../bundle-shelf.ts';
import { diskBeyondLimit } from '../disk-use.ts';
import { readFact, type InstalledRelease } from '../facts.ts';
import type { BeginOptions } from '../install.ts';
import { stackSpecOf } from '../install-plan.ts';
import { machineDemand } from '../machine-demand.ts';
import { verdictOf } from '../machine-verdict.ts';
import { lastRehearsal } from '../rehearsal/last-rehearsal.ts';
import { listSetAside } from '../set-aside.ts';
import { renderSpec, stackRelease } from '../stack-files.ts';
import { observeTarget, type Observed } from '../target.ts';
import type { DeployTools } from '../tools.ts';
import { wayTo } from '../way-to.ts';
import { downBeforeUpgrade, downServices } from './preview/down-services.ts';
import { measureCopies, runningImages, stateBytesFor, type Copies } from './preview/look.ts';
import { planUpgrade, type UpgradeTarget } from './plan.ts';
import { previewOf } from './preview/preview.ts';
import type { UpgradePreview } from './preview/schema.ts';
import { waysOf, type ServiceWay } from './replace-plan.ts';
import { borrowsScratch, refuseNoRoom } from './room.ts';
import { changedBetween, replicasOf } from './running.ts';
import { newSeries, type NewSeries } from './data/series.ts';
import { oneWayOf } from './way-back.ts';

export type PreparedUpgrade = NewOperation & {
  readonly target: UpgradeTarget;
  /** What has no way back, in sentences. */
  readonly oneWay: readonly string[];
  /** Where a person chose a strategy that there is no room for. */
  readonly offers: readonly ServiceWay[];
  readonly warnings: readonly string[];
  readonly preview: UpgradePreview;
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
  const { services: oldServices } = await stackRelease(tools);
  const copies = await measureCopies(tools, observed.target.project, oldServices);
  const down = await downServices(tools, observed.target.project, oldServices);
  const series = newSeries(oldServices, observed.target.services);
  const { services, sizing } = observed.target;
  const text = await bundle.readText(releasePath);
  const changed = await changedServices(tools, renderSpec(tools, stackSpecOf(observed.target), text, sizing));
  const oneWay = oneWayOf(services, changed);
  const spare = spareOf(tools, observed);
  const target: UpgradeTarget = {
    ...observed.target,
    from,
    needs: await needsOf(tools, bundle, observed, { ...copies, series, isOneWay: oneWay.length > 0 }),
    patience: tools.settings().upgrade,
    spareBytes: spare.bytes,
    ...(strategy === undefined ? {} : { strategy }),
  };
  const facts = {
    ...observed.facts,
    changed,
    replicas: await replicasOf(tools, target.project),
    replicaBytes: replicaBytesOf(tools),
    oldServices,
    dataBytes: Object.fromEntries(copies.sizes.map(({ service, bytes }) => [service, bytes])),
  };
  const ways = waysOf(target, facts);
  refuseNoRoom(ways, spare.bytes);
  const steps = planUpgrade(target, facts);
  const preview = previewOf({
    ...{ target, facts, ways, steps, history: tools.journal.durations(), copies: copies.sizes },
    folders: observed.machine.disks?.folders ?? [],
    verdict: verdictOf(analyzeFacts(observed.machine, machineDemand(target.needs)), true),
    running: await runningImages(tools, target.project),
    rehearsal: lastRehearsal(tools.journal, target.bundle.id),
    setAside: await listSetAside(tools),
  });
  return {
    kind: 'upgrade',
    title: `Upgrade ${target.title} from ${from.version} to ${target.version}`,
    input: { bundle: target.bundle },
    basis,
    ...(borrowsScratch(ways, spare) ? { borrows: true as const } : {}),
    ...{ steps, target, preview },
    warnings: [
      ...down.map((one) => downBeforeUpgrade(one, changed)),
      ...copies.troubles,
      ...beyondLimit(tools, preview),
      ...(await settingsTroubles(tools)),
    ],
    oneWay: [...oneWay.map(migrationWords), ...series.map(seriesWords)],
    offers: strategy === undefined ? [] : ways.filter(({ isOffer }) => isOffer),
  };
}

function beyondLimit(tools: DeployTools, { disk }: UpgradePreview): string[] {
  const neededBytes = disk.reduce((sum, one) => sum + one.neededBytes, 0);
  return [diskBeyondLimit(tools, neededBytes)].filter((one) => one !== undefined);
}

/** Work goes on with what was read at the start; but a daemon that ends in the middle of it would not come back. */
async function settingsTroubles({ paths }: DeployTools): Promise<string[]> {
  try {
    await readSettings(paths.settings);
    return [];
  } catch (error) {
    if (!isOnsteadError(error)) throw error;
    return [`${error.message} The daemon would not start again with it: correct it first.`];
  }
}

async function needsOf(
  tools: DeployTools,
  bundle: VerifiedBundle,
  { target, facts }: Observed,
  { sizes, series, isOneWay }: Copies & { readonly series: readonly NewSeries[]; readonly isOneWay: boolean },
): Promise<UpgradeTarget['needs']> {
  const stateBytes = await stateBytesFor(tools, bundle, target.project, facts.images);
  const copied = sizes.flatMap(({ service, bytes }) => [
    bytes, // for the restore point
    ...(series.some((one) => one.service === service) ? [bytes] : []), // that another series works on
    ...(isOneWay ? [bytes] : []), // that a migration which fails is taken back by
  ]);
  const copyBytes = copied.reduce((sum, bytes) => sum + bytes, 0);
  return { ...target.needs, upgrade: { stateBytes, copyBytes } };
}

/** The machine may have less memory now than when it was divided. */
function spareOf({ settings }: DeployTools, { target, machine }: Observed): SpareRoom {
  const now = cappedMachine(sizingMachineFrom(machine), settings().limits);
  return spareRoom(target.sizing, now.memoryBytes);
}

function replicaBytesOf({ journal }: DeployTools): Record<string, number> {
  const { services = [] } = readFact(journal, 'sizing') ?? {};
  return Object.fromEntries(services.map(({ name, memoryLimitBytes }) => [name, memoryLimitBytes]));
}

function migrationWords(service: string): string {
  return (
    `The migration of ${service} cannot be taken back by itself. Requests wait while it runs, 2 minutes at most. If the ` +
    'upgrade fails afterwards, or is rolled back later, the data of before the migration is put in place: what people write ' +
    'after it is then not in the application any more. It is counted and told; an upgrade that is taken back by itself keeps it aside.'
  );
}

function seriesWords({ service, from, to }: NewSeries): string {
  return (
    `${service} becomes another series (${from} to ${to}), which the older one cannot read. It works on a copy. If the upgrade ` +
    'fails afterwards, or is rolled back later, the data of before is put in place: what people write after it is then not in ' +
    'the application any more.'
  );
}

/** Refuses a bundle that is no upgrade of what is installed. */
export async function installedBefore(tools: DeployTools, bundle: VerifiedBundle): Promise<InstalledRelease> {
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
