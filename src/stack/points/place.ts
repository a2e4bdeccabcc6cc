// Where the copies of a database lie: a volume of ours that MySQL sees too, one folder a point and service. CLONE
// writes only inside the server's own container and only outside its data folder.

import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import type { ContainerFacts, Engine } from '../../engine/index.ts';

/** The volume's key beside the vendor's own; no vendor's key begins like this. */
export const pointsVolumeKey = 'onstead-points';
/** Inside the container. */
export const pointsMount = '/var/lib/onstead-points';
export function pointsVolumeOf(project: string): string {
  return `${project}_points`;
}

/** Root's, so that it serves services of different users; each gets a folder of its own inside. */
export function pointsVolumePin(project: string): { key: string; name: string; owner: string } {
  return { key: pointsVolumeKey, name: pointsVolumeOf(project), owner: '0:0' };
}

/** A copy's name: the point that it belongs to, and the service that it is of. */
export interface CopyName {
  readonly project: string;
  readonly point: string;
  readonly service: string;
}

export interface CopyPlace {
  /** On the machine: holds `data` and, once that is whole, `copy.json`. */
  readonly folder: string;
  readonly data: string;
  readonly manifest: string;
  /** What `data` is called inside the container. */
  readonly inside: string;
  readonly volume: string;
}

/** Undefined where the volume is not there: then there is no copy either. */
export async function findPlace(
  engine: Engine,
  { project, point, service }: CopyName,
): Promise<CopyPlace | undefined> {
  const volume = pointsVolumeOf(project);
  const facts = await engine.volumes.inspect(volume);
  if (facts === undefined) return undefined;
  const folder = join(facts.mountpoint, point, service);
  return {
    folder,
    volume,
    data: join(folder, 'data'),
    manifest: join(folder, 'copy.json'),
    inside: `${pointsMount}/${point}/${service}/data`,
  };
}

/** The same, for a server that is to write there. */
export async function placeFor(engine: Engine, facts: ContainerFacts, name: CopyName): Promise<CopyPlace> {
  const place = await findPlace(engine, name);
  if (place !== undefined && facts.mounts.some((one) => one.name === place.volume)) return place;
  throw new OnsteadError(
    'points.no-place',
    `The database "${name.service}" has no place for a restore point: the volume "${pointsVolumeOf(name.project)}" is not in its container.`,
    {
      next: 'Run `onstead install` with the installed bundle: it makes the volume and gives it to the database.',
    },
  );
}

/** Holes count as if they were full: a copy may fill them. */
export async function sizeOfFolder(
  folder: string,
  isCounted: (name: string) => boolean = () => true,
): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!isCounted(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await sizeOfFolder(path);
    // A server that works removes files while they are counted.
    else bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
