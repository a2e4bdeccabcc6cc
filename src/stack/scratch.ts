// A second, small stack beside the running one: in sealed networks, without an edge, with a folder, opened secrets and
// volumes of its own. One for each kind of operation that works in one. It is found by its folder, and removed whole.

import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Paths } from '../base/paths.ts';
import type { Engine } from '../engine/index.ts';
import type { Release } from '../release/index.ts';
import { findStackParts, removeStackParts } from './remove.ts';

export const scratchKinds = ['rehearsal', 'drill'] as const;
export type ScratchKind = (typeof scratchKinds)[number];

export type ScratchPaths = Pick<Paths, 'scratch' | 'scratchUnsealed'>;

export interface ScratchPlace {
  readonly stack: string;
  readonly unsealed: string;
}

export function scratchPlaceOf({ scratch, scratchUnsealed }: ScratchPaths, kind: ScratchKind): ScratchPlace {
  return { stack: join(scratch, kind), unsealed: join(scratchUnsealed, kind) };
}

export function scratchProjectOf(project: string, kind: ScratchKind): string {
  return `${project}-${kind}`;
}

/** Nothing that is tried reaches anybody outside: no mail is sent twice. */
export function sealedRelease(release: Release): Release {
  return { ...release, services: release.services.map((one) => ({ ...one, isOutbound: false })) };
}

/** Whatever there is of it; may be called again after a kill at any moment. */
export async function removeScratch(engine: Engine, { stack, unsealed }: ScratchPlace): Promise<void> {
  const parts = await findStackParts(engine, stack);
  // Its images are the stack's; nobody waits for its data to be saved.
  for (const { id } of parts.containers) await engine.containers.remove(id);
  const rest = { ...parts, containers: [], images: [] };
  await removeStackParts(engine, rest, { keepVolumes: false, onRemoved: () => {} });
  for (const folder of [stack, unsealed]) {
    await rm(folder, { recursive: true, force: true });
    await rmdir(dirname(folder)).catch(() => {}); // another kind's may be there, or none ever was
  }
}
