// The stack's folder: plain Compose files that work without Onstead. Rendering is pure; writing is one file at a
// time, each whole or not at all, the Compose files last.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ensureFolder, readTextIfAny, syncFolder, writeFileAtomic } from '../base/files.ts';
import { parseRelease, type Release } from '../release/index.ts';
import { renderOverride, sizeOf, type StackInput } from './override.ts';
import { kindOf } from './services/index.ts';

/** Path inside the folder → text. */
export type StackFiles = ReadonlyMap<string, string>;

export const composeFile = 'compose.yaml';
export const overrideFile = 'compose.override.yaml';
const CONFIG = 'config';
const LIST = 'files.sha256';

/** The Compose files of a stack's folder, or of a copy of one. */
export function stackComposeFiles(folder: string): string[] {
  return [join(folder, composeFile), join(folder, overrideFile)];
}

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
  await writeFileAtomic(join(folder, LIST), listOf(files));
}

/** One line a file; `sha256sum --check` in the folder tells what a person changed. */
function listOf(files: StackFiles): string {
  const lines = [...files].map(([path, text]) => `${sumOf(text)}  ${path}\n`);
  return lines.join('');
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Files that belong to the stack and are gone; containers would start without them, on other settings. */
export async function missingFiles(folder: string): Promise<string[]> {
  const list = (await readTextIfAny(join(folder, LIST))) ?? '';
  const paths = list.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(66)]));
  return paths.filter((path) => !existsSync(join(folder, path)));
}

/** Files that are not as they were written here: gone, or changed by somebody since. */
export async function changedFiles(folder: string): Promise<string[]> {
  const list = await readTextIfAny(join(folder, LIST));
  if (list === undefined) return [LIST];
  const lines = list.split('\n').filter((line) => line !== '');
  const changed: string[] = [];
  for (const line of lines) {
    const text = await readTextIfAny(join(folder, line.slice(66)));
    if (text === undefined || sumOf(text) !== line.slice(0, 64)) changed.push(line.slice(66));
  }
  return changed;
}

/** Services whose own configuration is among these files. */
export function servicesOf(paths: readonly string[]): string[] {
  const owners = paths.flatMap((path) => {
    const [top, service] = path.split('/');
    return top === CONFIG && service !== undefined ? [service] : [];
  });
  return [...new Set(owners)];
}

/** Copies the folder, so that a change that fails can be taken back; a copy that is there already is the older one. */
export async function keepStack(folder: string, copy: string): Promise<void> {
  if (existsSync(copy)) return;
  const draft = `${copy}.new`;
  await rm(draft, { recursive: true, force: true });
  await writeStack(draft, await readStack(folder));
  await rename(draft, copy);
  await syncFolder(dirname(copy));
}

/** The folder as it was copied; false where there is no copy. */
export async function restoreStack(folder: string, copy: string): Promise<boolean> {
  if (!existsSync(copy)) return false;
  await writeStack(folder, await readStack(copy));
  return true;
}

/** The files of a stack's folder, or of a copy of one. */
export async function readStack(folder: string): Promise<StackFiles> {
  const files = new Map<string, string>();
  for (const path of [...(await configPaths(folder)), overrideFile, composeFile]) {
    files.set(path, await readFile(join(folder, path), 'utf8'));
  }
  return files;
}

/** The release whose files these are; `path` is where they lie, for people. */
export function releaseOf(files: StackFiles, path: string): Release {
  return parseRelease(files.get(composeFile) ?? '', join(path, composeFile));
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
