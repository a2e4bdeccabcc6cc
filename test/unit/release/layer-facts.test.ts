// What software layers bring, as a container on top of them would see it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { mergeFacts, readLayerFacts } from '../../../src/release/layer-facts.ts';
import { tarOf, tempFolder } from './bundle-fixture.ts';

const folder = await tempFolder(t.teardown);
let count = 0;

async function factsOf(...entries: Parameters<typeof tarOf>[0]) {
  const path = join(folder, `layer-${(count += 1)}.tar`);
  await writeFile(path, await tarOf(entries));
  return readLayerFacts(path);
}

const npm = (name: string, version = '1.0.0') => JSON.stringify({ name, version });
const names = (merged: ReturnType<typeof mergeFacts>) =>
  [...merged.values()].flatMap(({ packages }) => packages.map((one) => `${one.name}@${one.version}`)).sort();

t.test('Debian, distroless, Alpine and npm lists are read; removed packages are not', async (t) => {
  const facts = await factsOf(
    [
      { name: './var/lib/dpkg/status' },
      'Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 2\n',
    ],
    [{ name: 'var/lib/dpkg/status.d/c' }, 'Package: c\nVersion: 3\nDescription: x\n more\n'],
    [{ name: 'var/lib/dpkg/status.d/c.md5sums' }, 'Package: no\nVersion: 0\n'],
    [{ name: 'lib/apk/db/installed' }, 'C:Q1\nP:musl\nV:1.2\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3\n'],
    [{ name: 'srv/node_modules/@x/y/package.json' }, npm('@x/y')],
    [{ name: 'srv/node_modules/@x/y/lib/package.json' }, npm('inner-is-no-package')],
    [{ name: 'srv/node_modules/broken/package.json' }, '{'],
  );
  t.strictSame(names(mergeFacts([facts])), ['@x/y@1.0.0', 'a@1', 'c@3', 'musl@1.2', 'zlib@1.3']);
});

t.test('an upper layer replaces, deletes and hides what is below', async (t) => {
  const base = await factsOf(
    [{ name: 'var/lib/dpkg/status' }, 'Package: old\nVersion: 1\n'],
    [{ name: 'a/node_modules/x/package.json' }, npm('x')],
    [{ name: 'b/node_modules/y/package.json' }, npm('y')],
    [{ name: 'c/node_modules/z/package.json' }, npm('z')],
  );
  const top = await factsOf(
    [{ name: 'var/lib/dpkg/status' }, 'Package: new\nVersion: 2\n'],
    [{ name: 'a/.wh.node_modules' }, ''],
    [{ name: 'b/node_modules/.wh..wh..opq' }, ''],
    [{ name: 'b/node_modules/w/package.json' }, npm('w')],
  );
  t.strictSame(names(mergeFacts([base, top])), ['new@2', 'w@1.0.0', 'z@1.0.0']);
});

t.test('names longer than a header holds are read', async (t) => {
  const long = `opt/${'a-long-folder-name/'.repeat(12)}node_modules/deep/package.json`;
  const facts = await factsOf([{ name: long }, npm('deep')]);
  t.strictSame(names(mergeFacts([facts])), ['deep@1.0.0']);
});

t.test('an RPM database is noted, though not read; a file that is no tar brings nothing', async (t) => {
  const facts = await factsOf([{ name: 'var/lib/rpm/rpmdb.sqlite' }, 'SQLite']);
  t.match(facts.lists, { 'var/lib/rpm/rpmdb.sqlite': { kind: 'rpm', packages: [] } });
  await writeFile(join(folder, 'noise'), 'x'.repeat(3000));
  t.strictSame((await readLayerFacts(join(folder, 'noise'))).lists, {});
});
