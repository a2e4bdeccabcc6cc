// Builds a bundle of LAYERS layers that cannot be compressed, in the folder that is named; a program of its own, so
// that its memory can be measured. The layers are made while they are read: nothing else of them is on the disk.

import { createCipheriv, createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buildBundle } from '../../src/release/index.ts';
import { paddingOf, TAR_END, tarHeader } from '../../src/release/tar.ts';
import type { ImageSource, SourceImage } from '../../src/base/image-source.ts';
import { COMPOSE, pair, secretKey } from '../unit/release/bundle-fixture.ts';

const [folder = '', layerCount = '9', layerMegabytes = '512'] = process.argv.slice(2);
const LAYERS = Number(layerCount);
const FILE_BYTES = Number(layerMegabytes) * 2 ** 20;
const CHUNK = Buffer.alloc(2 ** 20);
const LAYER_BYTES = 512 + FILE_BYTES + TAR_END.length;

/** One file of noise: the same for the same number, and different for each. */
function* layer(number: number): Generator<Buffer> {
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, number + 1), Buffer.alloc(16));
  yield tarHeader(`data/${number}`, FILE_BYTES);
  for (let done = 0; done < FILE_BYTES; done += CHUNK.length) yield noise.update(CHUNK);
  yield TAR_END;
}

function diffIdOf(number: number): string {
  const hash = createHash('sha256');
  for (const chunk of layer(number)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

const diffIds = Array.from({ length: LAYERS }, (_, number) => diffIdOf(number));
const config = Buffer.from(
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  }),
);
const configHex = createHash('sha256').update(config).digest('hex');
const image: SourceImage = {
  id: `sha256:${configHex}`,
  repoDigests: [],
  diffIds,
  architecture: 'amd64',
  os: 'linux',
  sizeBytes: LAYERS * LAYER_BYTES,
};

function* archive(): Generator<Buffer> {
  const names = diffIds.map((_, number) => `${number}/layer.tar`);
  for (const [number, name] of names.entries()) {
    yield tarHeader(name, LAYER_BYTES);
    yield* layer(number);
    yield Buffer.alloc(paddingOf(LAYER_BYTES));
  }
  const manifest = Buffer.from(
    JSON.stringify([{ Config: `${configHex}.json`, RepoTags: [], Layers: names }]),
  );
  for (const [name, bytes] of [
    [`${configHex}.json`, config],
    ['manifest.json', manifest],
  ] as const) {
    yield tarHeader(name, bytes.length);
    yield bytes;
    yield Buffer.alloc(paddingOf(bytes.length));
  }
  yield TAR_END;
}

const imageSource: ImageSource = {
  resolve: async () => image,
  export: async () => Readable.from(archive(), { objectMode: true, highWaterMark: 1 }),
};

await writeFile(join(folder, 'vendor.pub'), pair.publicKey);
await buildBundle({
  composeText: COMPOSE,
  composeFile: 'compose.yaml',
  imageSource,
  platform: 'linux/amd64',
  secretKey,
  createdAt: new Date('2026-11-20T12:00:00Z'),
  outPath: join(folder, 'bundle.tar'),
});
