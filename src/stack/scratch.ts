// A second, small stack beside the running one: in sealed networks, without an edge, with a folder, opened secrets and
// volumes of its own. Upgrades are rehearsed on it. It is found by its folder, and removed whole.

import { rm } from 'node:fs/promises';
import type { Paths } from '../base/paths.ts';
import type { Engine } from '../engine/index.ts';
import type { Release } from '../release/index.ts';
import { findStackParts, removeStackParts } from './remove.ts';

export type ScratchPaths = Pick<Paths, 'scratch' | 'scratchUnsealed'>;

export function scratchProjectOf(project: string): string {
  return `${project}-scratch`;
}

/** Nothing that is tried reaches anybody outside: no mail is sent twice. */
export function sealedRelease(release: Release): Release {
  return { ...release, services: release.services.map((one) => ({ ...one, isOutbound: false })) };
}

/** Whatever there is of it; may be called again after a kill at any moment. */
export async function removeScratch(engine: Engine, paths: ScratchPaths): Promise<void> {
  const parts = await findStackParts(engine, paths.scratch);
  // Its images are the stack's; nobody waits for its data to be saved.
  for (const { id } of parts.containers) await engine.containers.remove(id);
  const rest = { ...parts, containers: [], images: [] };
  await removeStackParts(engine, rest, { keepVolumes: false, onRemoved: () => {} });
  await rm(paths.scratch, { recursive: true, force: true });
  await rm(paths.scratchUnsealed, { recursive: true, force: true });
}
