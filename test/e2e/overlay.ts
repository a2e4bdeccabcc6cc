// What a machine of a test's own changed in folders that it shares with this one: the upper half of an overlay.

import { lstatSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Where on its disk the changes to a folder are kept. */
export function changesFolder(disk: string, folder: string): string {
  return join(disk, 'changes', folder.replaceAll('/', '-'));
}

/** Paths below an overlaid folder that were made, changed or removed there. Folders count by what is in them. */
export function changesIn(disk: string, folder: string): string[] {
  const root = changesFolder(disk, folder);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      // An overlay marks what was removed with a device of this number.
      const isRemoved = entry.isCharacterDevice() && lstatSync(path).rdev === 0;
      return `${isRemoved ? 'removed ' : ''}${join(folder, relative(root, path))}`;
    })
    .toSorted();
}
