// The engine's part in building a large bundle: facts of an image of layers that cannot be compressed, and its archive
// as `docker save` would give it. A program of its own, so that its memory is not taken for the builder's.

import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { paddingOf, TAR_END, tarHeader } from '../../src/release/tar.ts';
import type { SourceImage } from '../../src/base/image-source.ts';

const [what = '', layerCount = '', layerMegabytes = ''] = process.argv.slice(2);
const LAYERS = Number(layerCount);
const FILE_BYTES = Number(layerMegabytes) * 2 ** 20;
const CHUNK = Buffer.alloc(2 ** 16);
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

if (what === 'facts') process.stdout.write(JSON.stringify(image));
else await pipeline(Readable.from(archive(), { objectMode: true, highWaterMark: 1 }), process.stdout);
