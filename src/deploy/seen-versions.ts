// The highest version of each product that this appliance has taken from each signing key, and not gone back from. A
// file of its own beside the secrets: it has to outlive the journal, since data that is kept may not meet an older
// release later.

import { OnsteadError } from '../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../base/files.ts';
import type { Paths } from '../base/paths.ts';
import { remember, rememberBack, type SignedVersion, type SeenVersions } from '../release/index.ts';

export async function readSeen(paths: Paths): Promise<SeenVersions> {
  const text = await readTextIfAny(paths.seen);
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as SeenVersions;
  } catch (cause) {
    throw new OnsteadError('release.seen-unreadable', `${paths.seen} cannot be read as JSON.`, {
      next: 'Restore it from a backup, or remove it if no newer release was ever installed here.',
      cause,
    });
  }
}

export async function rememberSeen(paths: Paths, release: SignedVersion): Promise<void> {
  await writeFileAtomic(paths.seen, `${JSON.stringify(remember(await readSeen(paths), release))}\n`);
}

/** A person went back, or what failed was taken back: from there on the version that runs is what counts. */
export async function rememberSeenBack(paths: Paths, release: SignedVersion): Promise<void> {
  await writeFileAtomic(paths.seen, `${JSON.stringify(rememberBack(await readSeen(paths), release))}\n`);
}
