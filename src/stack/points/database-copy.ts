// A whole copy of a running MySQL, made by its CLONE plugin without holding up a single write. It is whole when its
// manifest is there, and only then; anything less is removed and made anew.

import { chown, readdir, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { OnsteadError } from '../../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import { run } from '../../base/process.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import type { ContainerFacts, Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';
import { mysqlKind } from '../services/mysql.ts';
import { endClones } from './running-clones.ts';
import { refuseOtherEngines } from './other-engines.ts';
import { findPlace, placeFor, pointsVolumeOf, sizeOfFolder, type CopyName, type CopyPlace } from './place.ts';
import { proveCopy, proverOf, readServer, type ServerFacts } from './prove-copy.ts';

/** What is known of a copy. Its binlog position is the set of transactions that it holds. */
export interface DatabaseCopy {
  readonly point: string;
  readonly service: string;
  readonly takenAt: string;
  readonly serverVersion: string;
  readonly serverUuid: string;
  /** Every transaction in the copy, and no other. */
  readonly gtids: string;
  /** The server's binlog when the copy began: what the copy does not hold is in this one or later ones. */
  readonly binlog: string;
  readonly bytes: number;
}

export interface CopyRoom {
  readonly neededBytes: number;
  readonly freeBytes: number;
}

export interface CopyTask extends CopyName {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly container: string;
  readonly signal?: AbortSignal;
}

/** Writes go on while it is copied: their redo is copied too, and the disk must not be full afterwards. */
const SPARE_BYTES = 256 * MIB;
const COPY_WITHIN_MS = 4 * 60 * 60_000;

/** How much a copy takes and how much there is; changes nothing. */
export async function measureDatabaseCopy(
  task: Pick<CopyTask, 'engine' | 'container' | keyof CopyName>,
): Promise<CopyRoom> {
  const facts = await factsOf(task);
  const place = await placeFor(task.engine, facts, task);
  return roomAt(place, dataFolderOf(facts));
}

async function roomAt(place: CopyPlace, dataFolder: string): Promise<CopyRoom> {
  const isCopied = (name: string): boolean => !/^(binlog\.|#innodb_temp$|ibtmp1$)/.test(name);
  const bytes = await sizeOfFolder(dataFolder, isCopied);
  const { bavail, bsize } = await statfs(dirname(dirname(place.folder)));
  return { neededBytes: bytes + SPARE_BYTES, freeBytes: bavail * bsize };
}

/**
 * Makes the point's copy of this database, or finds the one that was made before. May be begun again after a kill at
 * any moment: a clone that still runs is ended, and what it left is removed.
 */
export async function copyDatabase(task: CopyTask): Promise<DatabaseCopy> {
  const { engine, container } = task;
  const facts = await factsOf(task);
  const place = await placeFor(engine, facts, task);
  const made = await readCopyAt(place);
  if (made !== undefined) return made;
  await refuseOtherEngines(engine, container);
  await endClones(task);
  await removeCopy(engine, task);
  const dataFolder = dataFolderOf(facts);
  refuseTooLittle(await roomAt(place, dataFolder));
  const { uid, gid } = await stat(dataFolder);
  await ensureFolder(place.folder, 0o755);
  await chown(place.folder, uid, gid);
  const takenAt = task.clock.now().toISOString();
  const server = await readServer(engine, container);
  await clone(task, place);
  const gtids = await proveCopy(task, place, { image: facts.imageId, user: `${uid}:${gid}`, server });
  return keepManifest(task, place, { takenAt, server, gtids });
}

/** The copy as its manifest describes it; undefined where there is none, or none that is whole. */
export async function readCopy(engine: Engine, name: CopyName): Promise<DatabaseCopy | undefined> {
  const place = await findPlace(engine, name);
  return place && readCopyAt(place);
}

async function readCopyAt({ manifest }: CopyPlace): Promise<DatabaseCopy | undefined> {
  const text = await readTextIfAny(manifest);
  return text === undefined ? undefined : (JSON.parse(text) as DatabaseCopy);
}

/**
 * Removes the copy, or what there is of it. Its manifest goes first: half a copy is never taken for a whole one. Where
 * the server may still be at it, `endClones` comes before.
 */
export async function removeCopy(engine: Engine, name: CopyName): Promise<void> {
  const place = await findPlace(engine, name);
  if (place === undefined) return;
  await engine.containers.remove(proverOf(name));
  await rm(place.manifest, { force: true });
  await rm(place.folder, { recursive: true, force: true });
  await rmdir(dirname(place.folder)).catch(() => {}); // other services' copies may be there
}

/** Removes every copy of this point. */
export async function removePointCopies(engine: Engine, project: string, point: string): Promise<void> {
  const place = await findPlace(engine, { project, point, service: '' });
  const services = place === undefined ? [] : await readdir(dirname(place.data)).catch(() => []);
  for (const service of services) await removeCopy(engine, { project, point, service });
}

/** The points of which there is a copy, whole or not. */
export async function pointsWithCopies(engine: Engine, project: string): Promise<string[]> {
  const volume = await engine.volumes.inspect(pointsVolumeOf(project));
  return volume === undefined ? [] : readdir(volume.mountpoint);
}

async function clone({ engine, container, signal }: CopyTask, { inside }: CopyPlace): Promise<void> {
  await runSql(engine, container, [`CLONE LOCAL DATA DIRECTORY = '${inside}';`], {
    timeoutMs: COPY_WITHIN_MS,
    ...(signal === undefined ? {} : { signal }),
  });
}

async function keepManifest(
  { point, service }: CopyTask,
  place: CopyPlace,
  { takenAt, server, gtids }: { takenAt: string; server: ServerFacts; gtids: string },
): Promise<DatabaseCopy> {
  const { version: serverVersion, uuid: serverUuid, binlog } = server;
  const bytes = await sizeOfFolder(place.data);
  const copy = { point, service, takenAt, serverVersion, serverUuid, gtids, binlog, bytes };
  // The manifest vouches for every file, so they are on the disk before it is.
  await run('sync', ['--file-system', place.data], { timeoutMs: COPY_WITHIN_MS });
  await writeFileAtomic(place.manifest, `${JSON.stringify(copy, null, 1)}\n`);
  return copy;
}

function refuseTooLittle({ neededBytes, freeBytes }: CopyRoom): void {
  if (freeBytes >= neededBytes) return;
  throw new OnsteadError(
    'points.no-room',
    `A copy of the database takes ${formatBytes(neededBytes)}, and ${formatBytes(freeBytes)} are free.`,
    { next: 'Free some space on that disk, or remove an old restore point, then try again.' },
  );
}

async function factsOf({
  engine,
  container,
}: Pick<CopyTask, 'engine' | 'container'>): Promise<ContainerFacts> {
  const facts = await engine.containers.inspect(container);
  if (facts?.status === 'running') return facts;
  throw new OnsteadError('database.not-running', 'A database that does not run cannot be copied.', {
    next: 'See with `onstead status` what it lacks, then try again.',
  });
}

function dataFolderOf({ mounts, name }: ContainerFacts): string {
  const source = mounts.find(({ target }) => target === mysqlKind.dataFolder)?.source;
  if (source !== undefined) return source;
  throw new OnsteadError('database.no-volume', `The container ${name} keeps its data in no volume.`, {
    next: `Give its service a volume at ${mysqlKind.dataFolder} in the release.`,
  });
}
