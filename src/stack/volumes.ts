// Data volumes are made by Onstead, not by Compose: `docker compose down -v` cannot delete them, and their labels
// say whose they are and which operation made them.

import { chown, stat } from 'node:fs/promises';
import type { Engine } from '../engine/index.ts';
import { userIdsOf, type UserIds } from './user-ids.ts';

export const volumeLabels = {
  /** The vendor's name of it. */
  key: 'onstead.volume',
  project: 'onstead.project',
  folder: 'onstead.stack',
  operation: 'onstead.made-by',
} as const;

export interface VolumeSpec {
  readonly key: string;
  readonly name: string;
  /** `uid:gid` of the service that keeps its data there. */
  readonly owner: string;
  readonly project: string;
  readonly stackFolder: string;
  readonly operation: string;
}

/** Containers run without root, so their empty volume has to be theirs before the first start. */
export async function makeVolume(engine: Engine, spec: VolumeSpec): Promise<void> {
  const { mountpoint } = await engine.volumes.create(spec.name, {
    [volumeLabels.key]: spec.key,
    [volumeLabels.project]: spec.project,
    [volumeLabels.folder]: spec.stackFolder,
    [volumeLabels.operation]: spec.operation,
  });
  const owner = ownerOf(spec.owner);
  if (owner !== undefined) await chown(mountpoint, owner.uid, owner.gid);
}

/** Made by Onstead, and its user's already: between the two a power cut may have come. */
export async function isOurVolume(engine: Engine, name: string, owner: string): Promise<boolean> {
  const volume = await engine.volumes.inspect(name);
  if (volume?.labels[volumeLabels.key] === undefined) return false;
  const wanted = ownerOf(owner);
  return wanted === undefined || (await stat(volume.mountpoint)).uid === wanted.uid;
}

export async function isForeignVolume(engine: Engine, name: string): Promise<boolean> {
  const volume = await engine.volumes.inspect(name);
  return volume !== undefined && volume.labels[volumeLabels.key] === undefined;
}

/** Root, and users that only the image knows by name, are left to the engine: it copies what the image has there. */
function ownerOf(user: string): UserIds | undefined {
  const ids = userIdsOf(user);
  return ids?.uid === 0 ? undefined : ids;
}

/** Removes a volume only if this very operation made it; data of another origin stays. */
export async function removeVolumeMadeBy(engine: Engine, name: string, operation: string): Promise<void> {
  const volume = await engine.volumes.inspect(name);
  if (volume?.labels[volumeLabels.operation] === operation) await engine.volumes.remove(name);
}
