// What must stand nowhere: the secrets of an appliance, and the bytes of its journal to look for them in.

import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/base/clock.ts';
import { SecretStore } from '../../src/stack/index.ts';
import type { TestAppliance } from './appliance.ts';

/** One telling piece of each secret; of a key in several lines the first that is the key's own. */
export async function secretPieces({ paths }: TestAppliance): Promise<string[]> {
  const store = await SecretStore.open({
    folder: paths.secrets,
    machineKeyPath: paths.machineKey,
    clock: systemClock,
  });
  return store
    .names()
    .filter((name) => !name.endsWith('.crt'))
    .map((name) => store.get(name))
    .map((value) => value.trim().split('\n')[1] ?? value);
}

/** All three files: what was written last stands beside the database until a checkpoint. */
export async function journalFiles({ paths }: TestAppliance): Promise<Record<string, string>> {
  const files = [paths.database, `${paths.database}-wal`, `${paths.database}-shm`];
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(file, 'latin1')])),
  );
}
