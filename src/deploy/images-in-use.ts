// Images in the engine's store belong to no operation alone: what one brought another may use, or have put in place since.
// So one goes only where nobody names it any more.

import { existsSync } from 'node:fs';
import { readStack, scratchKinds, scratchPlaceOf } from '../stack/index.ts';
import type { InstallSteps } from './install-plan.ts';
import { pointNames, pointStack } from './points.ts';
import type { DeployTools } from './tools.ts';

/** Answers those that went. */
export async function removeUnusedImages(
  tools: DeployTools,
  operation: string,
  tags: readonly string[],
): Promise<string[]> {
  const engine = await tools.engine();
  const isUsed = await usedBeside(tools, operation);
  const unused = tags.filter((tag) => !isUsed(tag));
  for (const tag of unused) await engine.images.remove(tag);
  return unused;
}

type Asked = Pick<DeployTools, 'journal' | 'paths'>;

/** By the stack, one that is kept or tried, or an operation that is not over; this one does not count. */
export async function usedBeside(tools: Asked, operation: string): Promise<(tag: string) => boolean> {
  const loaded = loadedByOthers(tools, operation);
  const folders = (await foldersOf(tools)).filter((folder) => existsSync(folder));
  const files = await Promise.all(folders.map((folder) => readStack(folder)));
  const texts = files.flatMap((one) => [...one.values()]);
  return (tag) => loaded.includes(tag) || texts.some((text) => text.includes(tag));
}

async function foldersOf(tools: Asked): Promise<string[]> {
  const { paths } = tools;
  const points = await pointNames(tools);
  return [
    ...[paths.stack, paths.stackNext],
    ...points.map((id) => pointStack(tools, id)),
    ...scratchKinds.map((kind) => scratchPlaceOf(paths, kind).stack),
  ];
}

/** Its files may not be written yet. */
function loadedByOthers({ journal }: Asked, operation: string): string[] {
  return journal
    .unfinished()
    .filter(({ id }) => id !== operation)
    .flatMap(({ id }) => journal.steps(id))
    .filter(({ type }) => type === 'load-images')
    .flatMap(({ input }) => (input as InstallSteps['load-images']).images.map(({ tag }) => tag));
}
