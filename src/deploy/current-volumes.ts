// Which volumes hold a project's data now, where an operation gave it others than the plan's. Whoever names one does it
// here, and whoever puts files of the stack in place asks here: files of before must never start a database on what it left.

import type { Journal } from '../journal/index.ts';
import { readStack, withVolumes, writeStack, type StackFiles } from '../stack/index.ts';
import { readDataFact, writeDataFact } from './facts.ts';
import type { DeployTools } from './tools.ts';

export type Volumes = Readonly<Record<string, string>>;

/** Only those that are others than the plan's. */
export function otherVolumes(journal: Journal, project: string): Volumes {
  return readDataFact(journal, project, 'volumes') ?? {};
}

/** The volume that holds the data of this key now. */
export function volumeNameOf(journal: Journal, project: string, key: string): string {
  return otherVolumes(journal, project)[key] ?? `${project}_${key}`;
}

/** From now on these hold the data. The fact first: whoever writes the stack's files goes by it. */
export async function nameVolumes(
  { journal, paths }: Pick<DeployTools, 'journal' | 'paths'>,
  project: string,
  volumes: Volumes,
): Promise<void> {
  writeDataFact(journal, project, 'volumes', { ...otherVolumes(journal, project), ...volumes });
  await writeStack(paths.stack, onCurrentVolumes(journal, project, await readStack(paths.stack)));
}

/** The same files, on the volumes of now. */
export function onCurrentVolumes(journal: Journal, project: string, files: StackFiles): StackFiles {
  return withVolumes(files, otherVolumes(journal, project));
}
