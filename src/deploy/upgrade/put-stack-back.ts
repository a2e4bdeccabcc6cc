// The stack's folder as an operation found it. Only the volumes are those of now: a restore may have given the data
// another one, and files of before must never start a database on what it left.

import { existsSync } from 'node:fs';
import { readStack, writeStack } from '../../stack/index.ts';
import { onCurrentVolumes } from '../current-volumes.ts';
import { pointStack } from '../points.ts';
import type { DeployTools } from '../tools.ts';

/** Nothing where nothing was kept: then nothing was changed either. */
export async function putStackBack(
  tools: Pick<DeployTools, 'journal' | 'paths'>,
  project: string,
  operation: string,
): Promise<void> {
  const copy = pointStack(tools, operation);
  if (!existsSync(copy)) return;
  await writeStack(tools.paths.stack, onCurrentVolumes(tools.journal, project, await readStack(copy)));
}
