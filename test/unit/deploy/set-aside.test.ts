// What is set aside: listed by its reports, with what of it is really there, and removed by a person.

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { writeDataFact, writeFact } from '../../../src/deploy/facts.ts';
import { listSetAside, removeSetAside, type DeployTools } from '../../../src/deploy/index.ts';
import { writeAsideReport } from '../../../src/deploy/set-aside.ts';
import { openJournal } from '../journal/lab.ts';

async function openLab(t: { teardown(end: () => unknown): void }) {
  const { journal, folder } = await openJournal(t);
  const paths = pathsUnder(folder);
  const volumes = new Set<string>();
  const folderOf = (name: string): string => join(folder, 'volumes', name);
  const engine = {
    volumes: {
      inspect: async (name: string) => (volumes.has(name) ? { name, mountpoint: folderOf(name) } : undefined),
      remove: async (name: string) => volumes.delete(name),
    },
  };
  const tools = { journal, paths, engine: async () => engine } as unknown as DeployTools;
  writeFact(journal, 'installed', {
    ...{ product: 'notes', title: 'Notes', version: '1.0.0', project: 'trial', keyId: 'KEY', bundle: 'b' },
    installedAt: '2026-11-20T00:00:00Z',
  });
  const makeVolume = async (name: string, bytes: number): Promise<void> => {
    await mkdir(folderOf(name), { recursive: true });
    await writeFile(join(folderOf(name), 'data'), 'x'.repeat(bytes));
    volumes.add(name);
  };
  const tar = join(paths.setAside, 'upgrade-1', 'minio.tar');
  await makeVolume('trial_mysql.newer', 1_000);
  const loss = {
    ...{ databases: [], objects: { written: 2, deleted: 0, versions: 2 }, hasMigrations: false, unknown: [] },
  };
  await writeAsideReport(tools, 'upgrade-1', {
    ...{ operation: 'upgrade-1', setAsideAt: '2026-11-20T05:00:00.000Z', loss, files: [tar] },
    volumes: { mysql: 'trial_mysql.newer' },
  });
  await writeFile(tar, 'x'.repeat(24));
  return { tools, journal, paths, volumes, tar };
}

const { signal } = new AbortController();

t.test('each is told with its size, its volumes and its files', async (t) => {
  const { tools, paths, tar } = await openLab(t);
  await mkdir(join(paths.setAside, 'upgrade-2')); // a kill came before its report
  t.strictSame(await listSetAside(tools), [
    {
      ...{ id: 'upgrade-1', operation: 'upgrade-1', at: '2026-11-20T05:00:00.000Z', bytes: 1_024 },
      what: '2 objects written',
      volumes: [{ name: 'trial_mysql.newer', bytes: 1_000 }],
      files: [{ path: tar, bytes: 24 }],
    },
  ]);
});

t.test('nothing is set aside where nothing ever was', async (t) => {
  const { journal, folder } = await openJournal(t);
  t.strictSame(await listSetAside({ journal, paths: pathsUnder(folder) } as unknown as DeployTools), []);
});

t.test('what is removed is gone, with its volume', async (t) => {
  const { tools, paths, volumes } = await openLab(t);
  await removeSetAside(tools, 'upgrade-1', signal);
  t.strictSame([...volumes], []);
  t.notOk(existsSync(join(paths.setAside, 'upgrade-1')));
  await t.rejects(removeSetAside(tools, 'upgrade-1', signal), { code: 'points.unknown' });
});

t.test('a volume that holds the data of now is not among it', async (t) => {
  const { tools, journal, volumes } = await openLab(t);
  writeDataFact(journal, 'trial', 'volumes', { mysql: 'trial_mysql.newer' });
  t.match(await listSetAside(tools), [{ bytes: 24, volumes: [] }]);
  await removeSetAside(tools, 'upgrade-1', signal);
  t.strictSame([...volumes], ['trial_mysql.newer']);
});

t.test('while an operation is not over nothing of it is removed', async (t) => {
  const { tools, journal, volumes } = await openLab(t);
  journal.create({ kind: 'upgrade', title: 'Upgrade', input: {}, steps: [] });
  await t.rejects(removeSetAside(tools, 'upgrade-1', signal), { code: 'operation.busy' });
  t.equal(volumes.size, 1);
});
