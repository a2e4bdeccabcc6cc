// Builds a bundle of layers that cannot be compressed, in the folder that is named; a program of its own, so that its
// memory can be measured. The image comes from another program, as it comes from an engine.

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { buildBundle } from '../../src/release/index.ts';
import type { ImageSource, SourceImage } from '../../src/base/image-source.ts';
import { COMPOSE, pair, secretKey } from '../unit/release/bundle-fixture.ts';

const [folder = '', ...size] = process.argv.slice(2);
const program = fileURLToPath(new URL('./big-bundle-archive.ts', import.meta.url));

const ask = (what: string) =>
  spawn(process.execPath, [program, what, ...size], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;

const image = (await json(ask('facts'))) as SourceImage;
const imageSource: ImageSource = { resolve: async () => image, export: async () => ask('archive') };

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
