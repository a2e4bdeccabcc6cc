// What the appliance was before an operation changed it: a folder named by the operation, kept as long as there is a
// way back. It holds the stack's folder as it was and one file that says what belongs to it.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import type { SizingPlan } from '../sizing/index.ts';
import { keepStack } from '../stack/index.ts';
import type { InstalledRelease } from './facts.ts';
import type { DeployTools } from './tools.ts';

export interface Point {
  /** The operation's. */
  readonly id: string;
  readonly keptAt: string;
  /** The release that ran. */
  readonly from: InstalledRelease;
  readonly sizing: SizingPlan;
}

type Where = Pick<DeployTools, 'paths'>;

const POINT = 'point.json';

/** Named by the operation. */
export function pointFolder({ paths }: Where, id: string): string {
  return join(paths.points, id);
}

/** The stack's folder as it was. */
export function pointStack(where: Where, id: string): string {
  return join(pointFolder(where, id), 'stack');
}

/** Once: what is there already is what was before, whatever has been changed since. */
export async function keepPoint(where: Where, point: Point): Promise<void> {
  await ensureFolder(pointFolder(where, point.id));
  await keepStack(where.paths.stack, pointStack(where, point.id));
  if ((await readPoint(where, point.id)) !== undefined) return;
  await writeFileAtomic(join(pointFolder(where, point.id), POINT), `${JSON.stringify(point, null, 1)}\n`);
}

/** Undefined where it was not kept, or not to its end. */
export async function readPoint(where: Where, id: string): Promise<Point | undefined> {
  const path = join(pointFolder(where, id), POINT);
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Point;
  } catch (cause) {
    throw new OnsteadError('stack.point-unreadable', `${path} cannot be read as JSON.`, {
      next: 'Restore the file from a backup; without it this way back is closed.',
      cause,
    });
  }
}

/** The newest first. */
export async function listPoints(where: Where): Promise<Point[]> {
  const names = await readdir(where.paths.points).catch(() => []);
  const points = await Promise.all(names.map((name) => readPoint(where, name)));
  return points
    .filter((point) => point !== undefined)
    .toSorted((left, right) => right.keptAt.localeCompare(left.keptAt));
}

export async function dropPoint(where: Where, id: string): Promise<void> {
  await rm(pointFolder(where, id), { recursive: true, force: true });
}
