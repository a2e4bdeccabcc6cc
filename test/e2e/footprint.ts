// What an appliance has made, by name: on the engine and on the disk. Two of these compared show what was left over.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { TestAppliance } from './appliance.ts';

/** Files that a running daemon writes at any time. */
const LIVE = /(^|\/)(daemon\.log|state\.db(-wal|-shm)?|[a-z]+\.lock(-journal)?)$/;

export async function footprint(appliance: TestAppliance): Promise<string[]> {
  return [...(await onEngine(appliance)), ...(await onDisk(appliance))].toSorted();
}

export async function onEngine({ engine, project }: TestAppliance): Promise<string[]> {
  const containers = await engine.containers.list({ project });
  const networks = await engine.networks.list({ labels: [`com.docker.compose.project=${project}`] });
  const volumes = await engine.volumes.list({ labels: [`onstead.project=${project}`] });
  return [
    ...containers.map(({ name }) => `container ${name}`),
    ...networks.map(({ name }) => `network ${name}`),
    ...volumes.map(({ name }) => `volume ${name}`),
  ];
}

/** Empty folders count for nothing. */
export async function onDisk({ paths }: TestAppliance): Promise<string[]> {
  const entries = await readdir(paths.root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files
      .map((path) => relative(paths.root, path))
      .filter((path) => !LIVE.test(path))
      .map(async (path) => `file ${path} ${digestOf(await readFile(join(paths.root, path)))}`),
  );
}

/** The sealed store is sealed anew at each change, so only that it is there can be compared. */
function digestOf(content: Buffer): string {
  if (content.includes('"nonce"')) return 'sealed';
  return createHash('sha256').update(content).digest('hex').slice(0, 12);
}
