// Begins a rollback: finds the point, asks Compose what would change on the way back, and lets the planner decide.
// Nothing has been changed when this returns, and nothing was started or waited for.

import { OnsteadError } from '../../base/errors.ts';
import type { NewOperation } from '../../journal/index.ts';
import { analyzeFacts, sizingMachineFrom, type MachineFacts } from '../../machine/index.ts';
import type { Release, ReleaseService } from '../../release/index.ts';
import { spareRoom, type SpareRoom } from '../../sizing/index.ts';
import {
  cappedMachine,
  changedFiles,
  findDrift,
  readStack,
  releaseOf,
  sizingDemandFrom,
} from '../../stack/index.ts';
import { readFact, type InstalledRelease } from '../facts.ts';
import type { MachineNeeds } from '../install-plan.ts';
import { leastMachine, machineDemand } from '../machine-demand.ts';
import { verdictOf } from '../machine-verdict.ts';
import { readPointData } from '../point-data.ts';
import { lookAtPointLoss, type PointLoss } from '../point-loss.ts';
import { listPoints, pointStack, type Point } from '../points.ts';
import { listSetAside } from '../set-aside.ts';
import { stackRelease } from '../stack-files.ts';
import { containerIfWell, type DeployTools } from '../tools.ts';
import { chooseWay, refuseOtherSchema } from '../ways-back.ts';
import { isDataService } from './data/plan.ts';
import { measureRestores } from './fallback/data-volumes.ts';
import { newSeries } from './data/series.ts';
import { downBeforeRollback, downServices } from './preview/down-services.ts';
import { measureCopies, STATE_BYTES } from './preview/look.ts';
import { rollbackPreviewOf, type Sizes } from './preview/rollback-preview.ts';
import type { RollbackPreview } from './preview/rollback-schema.ts';
import { waysOf } from './replace-plan.ts';
import { borrowsScratch, refuseNoRoom } from './room.ts';
import {
  planRollback,
  withoutCopy,
  withoutWarmth,
  type RollbackFacts,
  type RollbackTarget,
} from './rollback-plan.ts';
import { changedBetween, replicasOf } from './running.ts';
import { oneWayOf } from './way-back.ts';

export type PreparedRollback = NewOperation & {
  readonly target: RollbackTarget & { readonly release: Release };
  /** What was written since the point. */
  readonly loss: PointLoss;
  /** Data services that do not answer: what was written there is not known, and may not be kept. */
  readonly uncounted: readonly string[];
  /** How they are, and what brings them up. */
  readonly down: readonly string[];
  /** Those of them of which a copy is to be kept. */
  readonly uncopied: readonly string[];
  readonly preview: RollbackPreview;
};

export interface RollbackOptions {
  /** The point's id; without, that of the last upgrade. */
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
  const points = await listPoints(tools);
  const point = chooseWay({ points, installed: from, to });
  const { project } = from;
  const folder = pointStack(tools, point.id);
  await requireWhole(folder, point);
  const release = releaseOf(await readStack(folder), folder);
  const facts = await factsOf(tools, project, folder);
  if (data === 'keep') refuseKeeping(point, points, { from, release, facts });
  else await requireData(tools, point);
  await refuseMissingImages(tools, folder, point);
  const machine = await tools.machine();
  const sizes = await sizesOf(tools, project, point.id, facts);
  const spare = spareOf(tools, point, machine);
  const target = {
    ...{ point: point.id, from, to: point.from, project, release, data },
    ...{ services: release.services, sizing: point.sizing, patience: tools.settings().upgrade },
    spareBytes: spare.bytes,
    needs: needsOf(project, release, data, sizes),
  };
  // All replicas go at once where the data does.
  const ways = data === 'keep' ? waysOf(withoutWarmth(target), facts) : [];
  refuseNoRoom(ways, spare.bytes);
  const steps = planRollback(target, facts);
  const uncopied = withoutCopy(target, facts);
  const loss = await lookAtPointLoss(tools, { project, point: point.id, signal });
  const verdict = verdictOf(analyzeFacts(machine, machineDemand(target.needs)), true, true);
  return {
    kind: 'rollback',
    title: `Roll back ${point.from.title} from ${from.version} to ${point.from.version}`,
    input: { point: point.id, data },
    basis,
    ...(borrowsScratch(ways, spare) ? { borrows: true as const } : {}),
    ...{ steps, target, loss },
    uncounted: [...new Set([...loss.unknown.map(({ service }) => service), ...uncopied])],
    uncopied,
    down: (await downServices(tools, project, facts.oldServices)).map(downBeforeRollback),
    preview: rollbackPreviewOf({
      ...{ target, facts, point, ways, steps, loss, sizes, verdict },
      history: tools.journal.durations(),
      folders: machine.disks?.folders ?? [],
      setAside: await listSetAside(tools),
    }),
  };
}

/** What is put in place again is what was there, and nothing that somebody made of it since. */
async function requireWhole(folder: string, { id, from }: Point): Promise<void> {
  const changed = await changedFiles(folder);
  if (changed.length === 0) return;
  throw new OnsteadError(
    'stack.point-changed',
    `The restore point ${id} is not as it was kept: ${changed.join(', ')} ${changed.length === 1 ? 'is' : 'are'} missing or changed in ${folder}.`,
    {
      next: `Put the files back as they were. Or install the bundle of ${from.version} where that is allowed.`,
    },
  );
}

function installedNow({ journal }: DeployTools): InstalledRelease {
  const installed = readFact(journal, 'installed');
  if (installed !== undefined) return installed;
  throw new OnsteadError('release.not-installed', 'Nothing is installed here that could be rolled back.', {
    next: 'Install a release with `onstead install BUNDLE`.',
  });
}

async function factsOf(tools: DeployTools, project: string, folder: string): Promise<RollbackFacts> {
  const engine = await tools.engine();
  const { services: oldServices } = await stackRelease(tools);
  const containers = (await engine.containers.list({ project })).filter(({ oneOff }) => !oneOff);
  const { services: sized = [] } = readFact(tools.journal, 'sizing') ?? {};
  return {
    changed: await changedBetween(tools, folder, await findDrift(tools.paths.stack, await readStack(folder))),
    replicas: await replicasOf(tools, project),
    services: [...new Set(containers.flatMap(({ service }) => service ?? []))],
    replicaBytes: Object.fromEntries(sized.map(({ name, memoryLimitBytes }) => [name, memoryLimitBytes])),
    oldServices,
    ill: await illOf(tools, project, oldServices),
  };
}

async function illOf(
  tools: DeployTools,
  project: string,
  services: readonly ReleaseService[],
): Promise<string[]> {
  const ill: string[] = [];
  for (const { name } of services.filter(isDataService)) {
    if ((await containerIfWell(tools, project, name)) === undefined) ill.push(name);
  }
  return ill;
}

function refuseKeeping(
  point: Point,
  points: readonly Point[],
  { from, release, facts }: { from: InstalledRelease; release: Release; facts: RollbackFacts },
): void {
  const { changed, oldServices } = facts;
  const migrates = [...oldServices, ...release.services].some(
    (one) => one.role === 'app' && one.migrate !== undefined && changed.includes(one.name),
  );
  refuseOtherSchema(point, points, { installed: from, migrates });
  refuseOneWay(oldServices, from);
  refuseOlderSeries(oldServices, release.services, from);
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

async function requireData(tools: DeployTools, { id, from }: Point): Promise<void> {
  if ((await readPointData(tools, id)) !== undefined) return;
  throw new OnsteadError(
    'points.no-data',
    `No data was kept with ${from.version} at ${id}: a data service did not answer then.`,
    {
      next: 'Choose another restore point: `onstead rollback --to ID`; or keep the data of now: --keep-data.',
    },
  );
}

/** The engine may have been asked to clear away what no container uses. */
async function refuseMissingImages(tools: DeployTools, folder: string, { from }: Point): Promise<void> {
  const engine = await tools.engine();
  const { services } = await (await tools.composeIn(folder)).config();
  const names = [...new Set(Object.values(services).map(({ image }) => String(image)))];
  const found = await Promise.all(names.map((name) => engine.images.inspect(name)));
  const missing = names.filter((_, at) => found[at] === undefined);
  if (missing.length === 0) return;
  throw new OnsteadError(
    'release.images-gone',
    `${missing.length} of the ${names.length} images of ${from.version} are not in the engine any more.`,
    {
      next: `Bring them back from the bundle of ${from.version}: \`docker load --input BUNDLE\`, then name each as below with \`docker tag\`.`,
      details: missing.map((name) => ({ message: name })),
    },
  );
}

/** Of the databases as they are now, and as the point has them. Where one does not answer: as it was then. */
async function sizesOf(
  tools: DeployTools,
  project: string,
  point: string,
  { oldServices }: RollbackFacts,
): Promise<Sizes> {
  const { sizes } = await measureCopies(tools, project, oldServices);
  const then = await measureRestores(tools, { project, point });
  const all: Sizes[number][] = [];
  for (const { name: service } of oldServices.filter(({ role }) => role === 'mysql')) {
    const thenBytes = then.find((one) => one.service === service)?.neededBytes ?? 0;
    const nowBytes = sizes.find((one) => one.service === service)?.bytes ?? thenBytes;
    all.push({ service, nowBytes, thenBytes });
  }
  return all;
}

/** What runs here since long was judged by the clock when it came. */
const ANY_TIME = new Date(0).toISOString();

function needsOf(project: string, release: Release, data: 'keep' | 'restore', sizes: Sizes): MachineNeeds {
  const copies = sizes.map(({ nowBytes, thenBytes }) => (data === 'restore' ? thenBytes : nowBytes));
  return {
    ...{ project, architecture: process.arch, ...leastMachine(sizingDemandFrom(release)) },
    ...{ imageBytes: 0, imagesToLoad: false, createdAt: ANY_TIME, isBack: true },
    upgrade: { stateBytes: STATE_BYTES, copyBytes: copies.reduce((sum, bytes) => sum + bytes, 0) },
  };
}

function spareOf({ settings }: DeployTools, { sizing }: Point, machine: MachineFacts): SpareRoom {
  const now = cappedMachine(sizingMachineFrom(machine), settings().limits);
  return spareRoom(sizing, now.memoryBytes);
}
