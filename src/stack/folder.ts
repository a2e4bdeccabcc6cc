// The stack's folder: plain Compose files that work without Onstead. Rendering is pure; writing is one file at a
// time, each whole or not at all, the Compose files last.

import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { renderOverride, sizeOf, type StackInput } from './override.ts';
import { kindOf } from './services/index.ts';

/** Path inside the folder → text. */
export type StackFiles = ReadonlyMap<string, string>;

export const composeFile = 'compose.yaml';
const overrideFile = 'compose.override.yaml';
const CONFIG = 'config';

export function renderStack(input: StackInput, releaseText: string): StackFiles {
  const files = new Map<string, string>();
  for (const service of input.release.services) {
    const config = kindOf(service)?.config?.({
      service,
      size: sizeOf(service.name, input.plan),
      release: input.release,
      settings: input.settings,
      configFolder: `./${CONFIG}/${service.name}`,
    });
    for (const [name, text] of Object.entries(config ?? {}))
      files.set(join(CONFIG, service.name, name), text);
  }
  files.set(overrideFile, renderOverride(input));
  files.set(composeFile, releaseText);
  return files;
}

export async function writeStack(folder: string, files: StackFiles): Promise<void> {
  for (const [path, text] of files) {
    await ensureFolder(dirname(join(folder, path)));
    if ((await readTextIfAny(join(folder, path))) !== text) await writeFileAtomic(join(folder, path), text);
  }
  for (const path of await configPaths(folder)) {
    if (!files.has(path)) await rm(join(folder, path));
  }
}

/** Copies the folder, so that a change that fails can be taken back; a copy that is there already is the older one. */
export async function keepStack(folder: string, copy: string): Promise<void> {
  if (existsSync(copy)) return;
  await rm(`${copy}.new`, { recursive: true, force: true });
  await cp(folder, `${copy}.new`, { recursive: true });
  await rename(`${copy}.new`, copy);
}

/** The folder as it was copied; false where there is no copy. */
export async function restoreStack(folder: string, copy: string): Promise<boolean> {
  if (!existsSync(copy)) return false;
  const files = new Map<string, string>();
  for (const path of [...(await configPaths(copy)), overrideFile, composeFile]) {
    files.set(path, await readFile(join(copy, path), 'utf8'));
  }
  await writeStack(folder, files);
  return true;
}

/** The files that differ from what they should be: missing, changed by hand, or left over. */
export async function findDrift(folder: string, files: StackFiles): Promise<string[]> {
  const drift = (await configPaths(folder)).filter((path) => !files.has(path));
  for (const [path, text] of files) {
    if ((await readTextIfAny(join(folder, path))) !== text) drift.push(path);
  }
  return drift.toSorted();
}

async function configPaths(folder: string): Promise<string[]> {
  const root = join(folder, CONFIG);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
