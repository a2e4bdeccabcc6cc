// Files that a command names.

import { readFile } from 'node:fs/promises';
import { OnsteadError } from '../base/errors.ts';

/** A file that the command named; a missing one is the caller's mistake, said so. */
export async function readGiven(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new OnsteadError('usage.file', `The ${what} ${path} cannot be read.`, {
      next: 'Check the path.',
      cause,
    });
  }
}
