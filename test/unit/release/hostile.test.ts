// Bundles made to do harm, all of them signed by a trusted key: refused nevertheless.

import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { keygen, openBundle, readSecretKey } from '../../../src/release/index.ts';
import type { BundleIndex } from '../../../src/release/index.ts';
import { buildTiny, IMAGES, publicKey, secretKey, sha256, sourceOf, tempFolder } from './bundle-fixture.ts';
import { header, indexOf, putTogether, signed, takeApart, withFile, withIndex } from './tar-craft.ts';
import type { Entry } from './tar-craft.ts';

const folder = await tempFolder(t.teardown);
const { bytes: good } = await buildTiny(folder);
const entries = takeApart(good);
const stranger = await readSecretKey((await keygen()).secretKey);

let count = 0;
async function written(bytes: Buffer): Promise<string> {
  const path = join(folder, `case-${(count += 1)}.tar`);
  await writeFile(path, bytes);
  return path;
}

async function open(bytes: Buffer, arch = 'amd64') {
  return openBundle(await written(bytes), { trustedKeys: [publicKey], arch });
}

/** Adds a file to tar, index and sums alike. */
function withExtra(entry: Entry, kind = 'blob'): Entry[] {
  return withIndex([...entries, entry], (index) => {
    index.files.push({
      path: entry.name,
      kind: kind as 'blob',
      sizeBytes: entry.content.length,
      sha256: sha256(entry.content),
    });
  });
}

const evil = Buffer.from('evil');
const withEntry = (name: string, change: Partial<Entry>): Entry[] =>
  signed(entries).map((entry) => (entry.name === name ? { ...entry, ...change } : entry));
const edit = (change: (index: BundleIndex) => unknown): Buffer => putTogether(withIndex(entries, change));
const replace = (name: string, change: (text: string) => string): Buffer => {
  const { content } = entries.find((entry) => entry.name === name)!;
  return putTogether(withFile(entries, name, Buffer.from(change(content.toString()))));
};

const blobOf = (path: string): Entry => entries.find(({ name }) => name === path)!;
const layer = indexOf(entries).images[0]!.layers[1]!;
const layerPath = `blobs/sha256/${layer.digest.slice(7)}`;

const CASES: Record<string, [Buffer, RegExp]> = {
  'a name with ..': [putTogether(withExtra({ name: '../evil', content: evil })), /^bundle\.(tar|index)$/],
  'an inner ..': [
    putTogether(withExtra({ name: 'blobs/../../evil', content: evil })),
    /^bundle\.(tar|index)$/,
  ],
  'an absolute name': [
    putTogether(withExtra({ name: '/etc/cron.d/evil', content: evil })),
    /^bundle\.(tar|index)$/,
  ],
  'a name with a backslash': [
    putTogether(withExtra({ name: 'a\\b', content: evil })),
    /^bundle\.(tar|index)$/,
  ],
  'a file that no bundle has': [putTogether(withExtra({ name: 'extra', content: evil })), /^bundle\.index$/],
  'a blob under another name': [
    putTogether(withExtra({ name: `blobs/sha256/${'0'.repeat(64)}`, content: evil })),
    /^bundle\.index$/,
  ],
  'a blob that no image names': [
    putTogether(withExtra({ name: `blobs/sha256/${sha256(evil)}`, content: evil })),
    /^bundle\.index$/,
  ],
  'an entry twice, listed twice': [putTogether(withExtra(blobOf(layerPath))), /^bundle\.index$/],
  'a symbolic link': [putTogether(withEntry(layerPath, { type: '2', link: '/etc/passwd' })), /^bundle\.tar$/],
  'a hard link': [putTogether(withEntry(layerPath, { type: '1', link: 'bundle.json' })), /^bundle\.tar$/],
  'a device': [putTogether(withEntry(layerPath, { type: '3' })), /^bundle\.tar$/],
  'a folder': [putTogether(withEntry(layerPath, { type: '5' })), /^bundle\.tar$/],
  'a pax header': [
    putTogether([
      ...signed(entries).slice(0, 3),
      { name: 'x', type: 'x', content: Buffer.from('12 path=evil\n') },
      ...signed(entries).slice(3),
    ]),
    /^bundle\.tar$/,
  ],
  'a GNU long name': [
    putTogether([
      ...signed(entries).slice(0, 3),
      { name: '././@LongLink', type: 'L', content: evil },
      ...signed(entries).slice(3),
    ]),
    /^bundle\.tar$/,
  ],
  'a pax header at the very front': [
    putTogether([{ name: 'x', type: 'x', content: evil }, ...signed(entries)]),
    /^bundle\.tar$/,
  ],
  'an entry that the sums do not name': [
    putTogether([...signed(entries), { name: 'extra', content: evil }]),
    /^bundle\.tar$/,
  ],
  'a file that the index does not name': [
    putTogether(signed([...entries, { name: 'extra', content: evil }])),
    /^bundle\.index$/,
  ],
  'a blob that is missing from the tar': [
    putTogether(signed(entries).filter(({ name }) => name !== layerPath)),
    /^bundle\.truncated$/,
  ],
  'a blob that is missing everywhere': [
    putTogether(
      withIndex(
        entries.filter(({ name }) => name !== layerPath),
        (index) => {
          index.files = index.files.filter(({ path }) => path !== layerPath);
        },
      ),
    ),
    /^bundle\.incomplete$/,
  ],
  'omitted blobs without a base': [
    putTogether(
      withIndex(
        entries.filter(({ name }) => name !== layerPath),
        (index) => {
          index.files = index.files.filter(({ path }) => path !== layerPath);
          index.omits = [layer.digest];
        },
      ),
    ),
    /^bundle\.index$/,
  ],
  'a layer said to inflate a thousandfold': [
    edit((index) => {
      for (const image of index.images)
        for (const one of image.layers) one.unpackedBytes = one.sizeBytes * 1000 + 2 ** 20;
    }),
    /^bundle\.bomb$/,
  ],
  'another size in the index': [
    edit((index) => {
      index.files[0]!.sizeBytes += 1;
    }),
    /^bundle\.tar$/,
  ],
  'another checksum in the index': [
    edit((index) => {
      index.files[0]!.sha256 = '0'.repeat(64);
    }),
    /^bundle\.index$/,
  ],
  'a size that is no number': [
    edit((index) => {
      index.files[0]!.sizeBytes = -1;
    }),
    /^bundle\.index$/,
  ],
  'a newer format': [
    edit((index) => {
      index.format = 2;
    }),
    /^bundle\.format$/,
  ],
  'an index that is no JSON': [edit(() => '{'), /^bundle\.index$/],
  'an index that is null': [edit(() => 'null'), /^bundle\.index$/],
  'another architecture': [
    edit((index) => {
      index.arch = 'arm64';
    }),
    /^bundle\.arch$/,
  ],
  'another product than the release': [
    edit((index) => {
      index.product = 'other';
    }),
    /^bundle\.index$/,
  ],
  'another version than the release': [
    edit((index) => {
      index.version = '9.9.9';
    }),
    /^bundle\.index$/,
  ],
  "a tag that is someone else's": [
    edit((index) => {
      index.images[0]!.contentTag = 'nginx:latest';
    }),
    /^bundle\.index$/,
  ],
  'a tag over another image in manifest.json': [
    replace('manifest.json', (text) => text.replace('nginx:sha256', 'mysql:sha256')),
    /^bundle\.index$/,
  ],
  'another index.json': [replace('index.json', (text) => `${text} `), /^bundle\.index$/],
  'another oci-layout': [replace('oci-layout', (text) => text.replace('1.0.0', '1.0.1')), /^bundle\.index$/],
  'a release with mistakes': [
    replace('release/compose.yaml', (text) => text.replace('port: 3000', 'port: 0')),
    /^bundle\.release$/,
  ],
  'a release with another image': [
    replace('release/compose.yaml', (text) =>
      text.replace(/nginx:1\.30\.0@sha256:\w{8}/, (found) => `${found.slice(0, -8)}00000000`),
    ),
    /^bundle\.index$/,
  ],
  'a release that is privileged in secret': [
    replace('release/compose.yaml', (text) => text.replace('nginx: {', 'nginx: { privileged: true,')),
    /^bundle\.release$/,
  ],
  'other notes': [replace('release/notes.md', () => 'other'), /^bundle\.index$/],
  'a signature of another bundle': [
    putTogether(
      signed(entries).with(0, {
        name: 'SHA256SUMS.minisig',
        content: Buffer.from(signed(withExtra({ name: 'z', content: evil }))[0]!.content),
      }),
    ),
    /^bundle\.signature$/,
  ],
  'an unknown key': [putTogether(signed(entries, stranger)), /^bundle\.unknown-key$/],
  'a signature larger than it may be': [
    putTogether(signed(entries).with(0, { name: 'SHA256SUMS.minisig', content: Buffer.alloc(5000, 65) })),
    /^bundle\.tar$/,
  ],
  'a signature said to have 8 GB': [
    Buffer.concat([header(entries[0]!, 8 ** 11 - 1), good.subarray(512)]),
    /^bundle\.tar$/,
  ],
  'a signature that is not text': [
    putTogether(signed(entries).with(0, { name: 'SHA256SUMS.minisig', content: Buffer.alloc(300, 0xff) })),
    /^bundle\./,
  ],
  'an empty file': [Buffer.alloc(0), /^bundle\.tar$/],
  'a small file of another kind': [Buffer.from('name: notes\n'.repeat(9)), /^bundle\.tar$/],
  'a bundle cut off in its first header': [good.subarray(0, 500), /^bundle\.truncated$/],
  'only zeros': [Buffer.alloc(100_000), /^bundle\.tar$/],
};

for (const [name, [bytes, code]] of Object.entries(CASES)) {
  t.test(`${name}: refused`, async (t) => {
    await t.rejects(open(bytes), { code, next: /\.$/, message: /^[^\n]+\.$/ });
  });
}

t.test('the machine of another architecture refuses, and names both', async (t) => {
  await t.rejects(open(good, 'arm64'), { code: 'bundle.arch', message: /for amd64; this machine is arm64/ });
});

t.test('an image of another architecture than the bundle says is refused', async (t) => {
  const images = IMAGES.map((image) => ({ ...image, arch: 'arm64' }));
  const built = await buildTiny(await tempFolder(t.teardown), {
    imageSource: await sourceOf(images),
    platform: 'linux/arm64',
  });
  const lying = withIndex(takeApart(built.bytes), (index) => {
    index.arch = 'amd64';
  });
  await t.rejects(open(putTogether(lying)), {
    code: 'bundle.arch',
    message: /The image .* is for linux\/arm64/,
  });
});

t.test('a newer format says that a newer Onstead is needed', async (t) => {
  await t.rejects(open(CASES['a newer format']![0]), { message: /needs a newer Onstead/ });
});

t.test('keys that a later Onstead adds to the index are passed over', async (t) => {
  const later = edit((index) => ({
    ...index,
    later: { a: 1 },
    images: index.images.map((one) => ({ ...one, later: 1 })),
  }));
  await using bundle = await open(later);
  t.equal(bundle.index.product, 'notes');
});

t.test(
  'a layer that inflates further than signed is cut there, and one that differs is noticed',
  async (t) => {
    const honest = gunzipSync(blobOf(layerPath).content).length;
    const load = async (change: (one: { unpackedBytes: number }) => void) => {
      const lying = withIndex(entries, (index) => {
        for (const one of index.images.flatMap((image) => image.layers))
          if (one.digest === layer.digest) change(one);
      });
      await using bundle = await open(putTogether(lying));
      return await buffer(bundle.imageArchive());
    };
    t.ok((await load(() => {})).length > honest);
    await t.rejects(
      load((one) => {
        one.unpackedBytes -= 512;
      }),
      { code: 'bundle.bomb' },
    );
    await t.rejects(
      load((one) => {
        one.unpackedBytes += 512;
      }),
      { code: 'bundle.damaged' },
    );
  },
);

t.test('a folder, a missing file and a file without permission are told apart', async (t) => {
  await t.rejects(openBundle(folder, { trustedKeys: [publicKey] }), {
    code: 'bundle.unreadable',
    message: /not a file/,
  });
  await t.rejects(openBundle(join(folder, 'none'), { trustedKeys: [publicKey] }), {
    code: 'bundle.unreadable',
    message: /no such file/,
  });
});

t.test('no refusal leaves a file open', async (t) => {
  const before = readdirSync('/proc/self/fd').length;
  for (const [bytes] of Object.values(CASES)) await open(bytes).catch(() => {});
  t.equal(readdirSync('/proc/self/fd').length, before);
  t.equal(secretKey.keyId, publicKey.keyId);
});
