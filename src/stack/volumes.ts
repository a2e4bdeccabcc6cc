// Data volumes are made by Onstead, not by Compose: `docker compose down -v` cannot delete them, and their labels
// say whose they are and which operation made them.

import { chown } from 'node:fs/promises';
import type { Engine } from '../engine/index.ts';

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
  const [uid = 0, gid = uid] = spec.owner.split(':').map(Number);
  await chown(mountpoint, uid, gid);
}

export async function isOurVolume(engine: Engine, name: string): Promise<boolean> {
  return (await engine.volumes.inspect(name))?.labels[volumeLabels.key] !== undefined;
}

/** Removes a volume only if this very operation made it; data of another origin stays. */
export async function removeVolumeMadeBy(engine: Engine, name: string, operation: string): Promise<void> {
  const volume = await engine.volumes.inspect(name);
  if (volume?.labels[volumeLabels.operation] === operation) await engine.volumes.remove(name);
}
