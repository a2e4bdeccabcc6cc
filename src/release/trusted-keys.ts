// The vendors whose bundles are accepted: one public key a file. More than one from the first day, so that a key can
// be replaced.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../base/errors.ts';
import { readPublicKey, type PublicKey } from './minisign.ts';

export async function readTrustedKeys(folder: string): Promise<PublicKey[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith('.pub')).toSorted();
  return Promise.all(files.map(async (name) => readPublicKey(await readFile(join(folder, name), 'utf8'))));
}
