// How the old replicas were when an operation came to them. What was ill then is no fault of the new release: it is
// neither waited for, nor does it keep anybody from the way back.

import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { StepContext } from '../../journal/index.ts';
import { pointFolder } from '../points.ts';
import type { DeployTools } from '../tools.ts';
import { ready, type Asked } from './ready.ts';
import { isWell, sidesOf } from './sides.ts';

interface OldSide {
  readonly ids: readonly string[];
  readonly isAnyWell: boolean;
}

type Where = Pick<Asked, 'project' | 'service'>;

/** Once: later some of them are gone, and others were started in their place. */
export async function keepOldSide(tools: DeployTools, input: Where, operation: string): Promise<void> {
  const path = fileOf(tools, input, operation);
  if ((await readTextIfAny(path)) !== undefined) return;
  const { stale } = await sidesOf(tools, input.project, input.service);
  const seen: OldSide = { ids: stale.map(({ id }) => id), isAnyWell: stale.some(isWell) };
  await ensureFolder(pointFolder(tools, operation));
  await writeFileAtomic(path, JSON.stringify(seen));
}

/** Until those of them are ready that the operation itself started. */
export async function awaitStale(
  tools: DeployTools,
  input: Asked,
  ids: readonly string[],
  { operation, signal, note }: StepContext,
): Promise<void> {
  const text = await readTextIfAny(fileOf(tools, input, operation));
  if (text === undefined) return; // nothing was begun: all of them are as they were
  const before = JSON.parse(text) as OldSide; // written above
  const started = ids.filter((id) => !before.ids.includes(id));
  try {
    await Promise.all(started.map((id) => ready(tools, input, 'stale', id, signal)));
  } catch (error) {
    signal.throwIfAborted();
    if (before.isAnyWell) throw error;
    note(`None of the old replicas was well before, and none is now: ${messageOf(error)}`);
  }
}

function fileOf(tools: DeployTools, { service }: Where, operation: string): string {
  return join(pointFolder(tools, operation), `old-${service}.json`);
}
