// Bundles in use: looking at another one never takes the first away from an operation that reads it.

import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { BundleShelf, isBundleAway } from '../../../src/deploy/index.ts';
import { bundleId } from '../../../src/deploy/bundle-shelf.ts';
import { openJournal } from '../journal/lab.ts';
import { buildTiny, pair, tempFolder } from '../release/bundle-fixture.ts';

async function shelfWithTwo(t: { teardown(work: () => unknown): void }) {
  const folder = await tempFolder((work) => t.teardown(work));
  const trust = join(folder, 'trust');
  await mkdir(trust);
  await writeFile(join(trust, 'vendor.pub'), pair.publicKey);
  const first = await buildTiny(folder, { outPath: join(folder, 'first.tar') });
  const second = await buildTiny(folder, { outPath: join(folder, 'second.tar') });
  const shelf = new BundleShelf(trust, (await openJournal(t)).journal);
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

t.test(
  'a file that is another bundle than the planned one is not used; the right one is waited for',
  async (t) => {
    const { shelf, first } = await shelfWithTwo(t);
    const wrong = await shelf
      .use({ path: first, id: 'another' }, {}, async () => undefined)
      .catch((error: unknown) => error);
    t.match(wrong, {
      code: 'bundle.changed',
      next: /back there, or give the same command with its new path/,
    });
    t.equal(isBundleAway(wrong), true, 'an operation waits for it');
  },
);

t.test(
  'several that look at several bundles at once each get their own, open until they are done',
  async (t) => {
    const { shelf, first, second } = await shelfWithTwo(t);
    const others = await Promise.all(
      [1, 2, 3, 4].map(async (at) => {
        const copy = join(dirname(first), `copy-${at}.tar`);
        await copyFile(second, copy);
        return copy;
      }),
    );
    const look = (path: string): Promise<string> =>
      shelf.usePath(path, {}, async (bundle) => {
        await sleep(1); // long enough for another one to be opened and this one to be forgotten
        await bundle.readText('release/compose.yaml');
        return bundle.path;
      });
    for (let round = 0; round < 10; round += 1) {
      await look(first); // it is put away while the others come
      t.strictSame(await Promise.all(others.map(look)), others);
    }
  },
);

t.test('two that ask for the same file at once read it once', async (t) => {
  const { shelf, first } = await shelfWithTwo(t);
  const [left, right] = await Promise.all([
    shelf.usePath(first, {}, async (bundle) => bundle),
    shelf.usePath(first, {}, async (bundle) => bundle),
  ]);
  t.equal(left, right);
});

t.test('whoever leaves does not wait for the others, and nobody opens between them', async (t) => {
  const { shelf, first, second } = await shelfWithTwo(t);
  const gone = new AbortController();
  const reading = shelf.usePath(first, {}, async (bundle) => bundle.path);
  const leaving = shelf.usePath(second, { signal: gone.signal }, async () => 'used');
  const next = shelf.usePath(second, {}, async (bundle) => bundle.path);
  gone.abort(new Error('left'));
  await t.rejects(leaving, /left/);
  t.strictSame(await Promise.all([reading, next]), [first, second]);
});

t.test('one that cannot be opened does not hold up the next', async (t) => {
  const { shelf, first } = await shelfWithTwo(t);
  const missing = shelf.usePath('/nonexistent/notes.tar', {}, async () => 'used');
  const next = shelf.usePath(first, {}, async (bundle) => bundle.path);
  await t.rejects(missing, { code: 'bundle.missing' });
  t.equal(await next, first);
});

t.test('a bundle that moved is read where a person said it is now, else where it was', async (t) => {
  const { shelf, first } = await shelfWithTwo(t);
  const id = await shelf.usePath(first, {}, async (bundle) => bundleId(bundle));
  const planned = { path: first, id };
  const moved = `${first}.moved`;
  const read = () => shelf.use(planned, {}, async ({ path }) => path);
  await rename(first, moved);
  const gone = await read().catch((error: unknown) => error);
  t.match(gone, {
    code: 'bundle.missing',
    message: /first\.tar/,
    next: /back there, or give the same command with its new path/,
  });
  t.equal(isBundleAway(gone), true, 'an operation waits for it');
  shelf.remember({ path: moved, id });
  t.equal(await read(), moved);
  shelf.remember({ path: moved, id: 'another' });
  await t.rejects(read(), { code: 'bundle.missing' }, 'another bundle is no stand-in');
  shelf.remember({ path: moved, id });
  await rename(moved, first);
  t.equal(await read(), first, 'put back where it was');
});
