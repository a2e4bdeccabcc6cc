// The one tar dialect of bundles.

import t from 'tap';
import { isPlainName, paddingOf, readTarHeader, tarHeader } from '../../../src/release/tar.ts';

t.test('a header that was written is read again, also beyond 8 GB', async (t) => {
  for (const sizeBytes of [0, 1, 511, 512, 8 ** 11 - 1, 8 ** 11, 5 * 1024 ** 4]) {
    t.strictSame(readTarHeader(tarHeader('blobs/sha256/abc', sizeBytes)), {
      name: 'blobs/sha256/abc',
      sizeBytes,
    });
  }
});

t.test('no single byte of a header may differ', async (t) => {
  const good = tarHeader('release/compose.yaml', 1234);
  for (let at = 0; at < 512; at += 1) {
    const block = Buffer.from(good);
    block[at]! ^= 1;
    // In the name and size another valid header would need another checksum.
    t.throws(() => readTarHeader(block), { code: 'bundle.tar' }, `byte ${at}`);
  }
});

t.test('names stay inside the folder and are plain', async (t) => {
  for (const name of ['a', 'a/b.c', 'blobs/sha256/0', 'x'.repeat(100), '...', '.hidden'])
    t.ok(isPlainName(name), name);
  const bad = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    './a',
    'a/./b',
    'a b',
    'a\\b',
    'a\0',
    'é',
    'x'.repeat(101),
  ];
  for (const name of bad) t.notOk(isPlainName(name), JSON.stringify(name));
});

t.test('content is filled up to whole blocks', async (t) => {
  t.strictSame([0, 1, 511, 512, 513].map(paddingOf), [0, 511, 1, 0, 511]);
});
