// Whether there is room; a disk that is full is filled in test/e2e/disk.test.ts.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hasRoom } from '../../../src/base/disk-full.ts';

t.test('an ordinary folder has room, and nothing is left of the trial', async (t) => {
  const folder = t.testdir();
  t.equal(await hasRoom(folder), true);
  t.strictSame(await readdir(folder), []);
  await t.rejects(hasRoom(join(folder, 'absent')), { code: 'ENOENT' });
});
