// Deltas made to mislead, all of them signed by a trusted key: refused nevertheless.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { baseOfBundle, openBundle } from '../../../src/release/index.ts';
import type { BundleIndex } from '../../../src/release/index.ts';
import { buildTiny, COMPOSE, IMAGES, publicKey, sha256, sourceOf, tempFolder } from './bundle-fixture.ts';
import { indexOf, putTogether, takeApart, withIndex } from './tar-craft.ts';

const folder = await tempFolder(t.teardown);
const full = await buildTiny(folder);
const built = await buildTiny(folder, {
  composeText: COMPOSE.replace('version: 1.0.0', 'version: 1.1.0'),
  imageSource: await sourceOf([
    { ...IMAGES[0]!, layers: [...IMAGES[0]!.layers, { 'app/new': '' }] },
    IMAGES[1]!,
  ]),
  bases: [baseOfBundle('full', full.index)],
  outPath: join(folder, 'delta.tar'),
});
const entries = takeApart(built.bytes);
const edit = (change: (index: BundleIndex) => unknown): Buffer => putTogether(withIndex(entries, change));
const program = { digest: `sha256:${sha256('program')}`, sizeBytes: 5, unpackedBytes: 9 };
const held = indexOf(entries).images[0]!.layers.at(-1)!;

const CASES: Record<string, [Buffer, RegExp]> = {
  'one that names no base': [edit((index) => void (index.from = [])), /^bundle\.index$/],
  'one that leaves out nothing, it says': [edit((index) => void (index.omits = [])), /^bundle\.index$/],
  'one that leaves out more than it says': [edit((index) => void index.omits.pop()), /^bundle\.incomplete$/],
  'one that leaves out a layer twice': [
    edit((index) => void index.omits.push(index.omits[0]!)),
    /^bundle\.index$/,
  ],
  'one that leaves out what no image needs': [
    edit((index) => void index.omits.push(program.digest)),
    /^bundle\.index$/,
  ],
  'one that holds what it leaves out': [
    edit((index) => void index.omits.push(held.digest)),
    /^bundle\.index$/,
  ],
  'one that leaves out a configuration': [
    edit((index) => void index.omits.push(index.images[0]!.configDigest)),
    /^bundle\.index$/,
  ],
  'one that leaves a layer out under one digest and holds it under another': [
    edit((index) => void (index.images[0]!.layers.at(-1)!.diffId = index.images[0]!.layers[0]!.diffId)),
    /^bundle\.index$/,
  ],
  'one that leaves out an Onstead without its version': [
    edit((index) => ({ ...index, program })),
    /^bundle\.index$/,
  ],
  'a program whose digest is none': [
    edit((index) => ({ ...index, onstead: '0.1.0', program: { ...program, digest: 'sha256:0' } })),
    /^bundle\.index$/,
  ],
};

async function open(bytes: Buffer): Promise<void> {
  const path = join(folder, 'case.tar');
  await writeFile(path, bytes);
  await (await openBundle(path, { trustedKeys: [publicKey], arch: 'amd64' })).close();
}

for (const [name, [bytes, code]] of Object.entries(CASES)) {
  t.test(`${name}: refused`, async (t) => {
    await t.rejects(open(bytes), { code, next: /\.$/, message: /^[^\n]+\.$/ });
  });
}

t.test('the honest delta is accepted, also with an Onstead left out', async (t) => {
  await t.resolves(open(built.bytes));
  await t.resolves(open(edit((index) => ({ ...index, onstead: '0.1.0', program }))));
});
