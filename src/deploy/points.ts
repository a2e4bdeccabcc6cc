// What the appliance was before an operation changed it: a folder named by the operation, kept as long as there is a
// way back. It holds the stack's folder as it was and one file that says what belongs to it.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError, systemCode } from '../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { keepStack } from '../stack/index.ts';
import type { Kept, Point } from './point.ts';
import type { DeployTools } from './tools.ts';
import { pointAfter } from './ways-back.ts';

export type { Point } from './point.ts';

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
export async function keepPoint(where: Where, kept: Kept): Promise<void> {
  const folder = pointFolder(where, kept.id);
  await ensureFolder(folder);
  await keepStack(where.paths.stack, pointStack(where, kept.id));
  if ((await readPoint(where, kept.id)) !== undefined) return;
  const point = pointAfter(await listPoints(where), kept);
  await writeFileAtomic(join(folder, POINT), `${JSON.stringify(point, null, 1)}\n`);
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
  const names = await pointNames(where);
  const points = await Promise.all(names.map((name) => readPoint(where, name)));
  return points.filter((point) => point !== undefined).toSorted((left, right) => right.order - left.order);
}

/** Of whatever was kept, whole or not. A folder that cannot be read now is no sign that there is nothing. */
export async function pointNames({ paths }: Where): Promise<string[]> {
  try {
    return await readdir(paths.points);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export async function dropPoint(where: Where, id: string): Promise<void> {
  await rm(pointFolder(where, id), { recursive: true, force: true });
}
