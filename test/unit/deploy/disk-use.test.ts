// What is taken of the disk beside what is allowed: counted over real files, told in plans and by status.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { MIB } from '../../../src/base/units.ts';
import { diskBeyondLimit, diskNearLimit, noticeDiskUse } from '../../../src/deploy/disk-use.ts';
import { readFact, writeFact } from '../../../src/deploy/facts.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { openJournal } from '../journal/lab.ts';

async function openLab(t: { teardown(end: () => unknown): void }, diskBytes?: number) {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  const mountpoint = join(folder, 'volume');
  for (const place of [paths.state, mountpoint]) {
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'data'), Buffer.alloc(3 * MIB, 'x'));
  }
  const volumes = {
    list: async ({ labels }: { labels: string[] }) =>
      labels.includes('onstead.project=trial') ? [{ mountpoint }] : [],
  };
  const tools = {
    ...{ journal, paths, clock, engine: async () => ({ volumes }) },
    settings: () => ({ limits: diskBytes === undefined ? {} : { diskBytes } }),
  } as unknown as DeployTools;
  writeFact(journal, 'installed', {
    ...{ product: 'notes', title: 'Notes', version: '1.0.0', project: 'trial', keyId: 'KEY', bundle: 'b' },
    installedAt: '2026-11-20T00:00:00Z',
  });
  await noticeDiskUse(tools, new AbortController().signal);
  return { tools, journal };
}

t.test('the files of Onstead and of its volumes count', async (t) => {
  const { tools, journal } = await openLab(t, 8 * MIB);
  const { bytes = 0 } = readFact(journal, 'diskUse') ?? {};
  t.ok(bytes >= 6 * MIB && bytes < 7 * MIB, `${bytes} bytes`);
  t.equal(diskNearLimit(tools), undefined);
  t.equal(diskBeyondLimit(tools, MIB), undefined);
  t.match(diskBeyondLimit(tools, 3 * MIB), /take 6(\.\d)? MB of the 8 MB .*this needs 3 MB more/);
});

t.test('where it is nearly reached, or passed, it is told', async (t) => {
  t.match(diskNearLimit((await openLab(t, 6 * MIB)).tools), /of the 6 MB that limits\.disk allows/);
});

t.test('nothing is looked at where nothing is limited', async (t) => {
  const { tools, journal } = await openLab(t);
  t.equal(readFact(journal, 'diskUse'), undefined);
  t.equal(diskBeyondLimit(tools, 1e15), undefined);
});
