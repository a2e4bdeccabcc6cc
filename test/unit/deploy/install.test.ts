// What is refused before an installation is planned, over a real bundle and a real journal; no engine is asked.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { BundleShelf, prepareInstall, type DeployTools } from '../../../src/deploy/index.ts';
import { settings } from '../stack/lab.ts';
import { buildTiny, pair } from '../release/bundle-fixture.ts';
import { openJournal } from '../journal/lab.ts';

async function prepareWith(t: { teardown(end: () => unknown): void }, chosen: string, installed: string) {
  const { journal, folder } = await openJournal(t);
  const paths = pathsUnder(folder);
  await mkdir(paths.trust, { recursive: true });
  await writeFile(join(paths.trust, 'vendor.pub'), pair.publicKey);
  const { path } = await buildTiny(folder, { outPath: join(folder, 'tiny.tar') });
  const bundles = new BundleShelf(paths.trust, journal);
  t.teardown(() => bundles.close());
  const { product, version } = await bundles.usePath(path, {}, async ({ release }) => release);
  journal.setFact('installed', { product, version, project: installed });
  const engine = (): never => {
    throw new Error('the engine is asked');
  };
  const tools = { journal, paths, bundles, engine, settings: () => ({ ...settings, project: chosen }) };
  return prepareInstall(tools as unknown as DeployTools, path, {
    onProgress: () => {},
    signal: new AbortController().signal,
  });
}

t.test('another project than the installed one is refused, with the line to put back', async (t) => {
  await t.rejects(prepareWith(t, 'other', 'notes'), {
    code: 'settings.project',
    message: /from "notes" to "other"/,
    next: /`project: notes` back into .*onstead\.yaml.*start/,
  });
});

t.test('the project as it was installed goes on to the engine', async (t) => {
  await t.rejects(prepareWith(t, 'notes', 'notes'), /the engine is asked/);
});
