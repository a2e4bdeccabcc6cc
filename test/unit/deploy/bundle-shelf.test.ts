// Bundles in use: looking at another one never takes the first away from an operation that reads it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { BundleShelf } from '../../../src/deploy/index.ts';
import { buildTiny, pair, tempFolder } from '../release/bundle-fixture.ts';

async function shelfWithTwo(t: { teardown(work: () => Promise<void>): void }) {
  const folder = await tempFolder((work) => t.teardown(work));
  const trust = join(folder, 'trust');
  await mkdir(trust);
  await writeFile(join(trust, 'vendor.pub'), pair.publicKey);
  const first = await buildTiny(folder, { outPath: join(folder, 'first.tar') });
  const second = await buildTiny(folder, { outPath: join(folder, 'second.tar') });
  const shelf = new BundleShelf(trust);
  t.teardown(() => shelf.close());
  return { shelf, first: first.path, second: second.path };
}

t.test('a bundle that is being read stays open while another one is looked at', async (t) => {
  const { shelf, first, second } = await shelfWithTwo(t);
  const bytes = await shelf.usePath(first, {}, async (bundle) => {
    const archive = bundle.imageArchive();
    await shelf.usePath(second, {}, async ({ index }) => t.equal(index.product, bundle.index.product));
    return buffer(archive);
  });
  t.ok(bytes.length > 0);
});

t.test('a bundle that nobody reads any more is closed when another one is opened', async (t) => {
  const { shelf, first, second } = await shelfWithTwo(t);
  const kept = await shelf.usePath(first, {}, async (bundle) => bundle);
  await shelf.usePath(second, {}, async () => undefined);
  await t.rejects(kept.readText('release/compose.yaml'));
});

t.test('a file that is another bundle than the planned one is refused', async (t) => {
  const { shelf, first } = await shelfWithTwo(t);
  await t.rejects(
    shelf.use({ path: first, id: 'another' }, {}, async () => undefined),
    { code: 'bundle.changed' },
  );
});
