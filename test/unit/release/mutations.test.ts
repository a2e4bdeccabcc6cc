// A valid bundle, damaged in more than a thousand ways: none is accepted, none crashes, none leaves a file behind.

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { isOnsteadError } from '../../../src/base/errors.ts';
import { baseOfBundle, inspectBundle, openBundle } from '../../../src/release/index.ts';
import { buildTiny, COMPOSE, IMAGES, publicKey, sourceOf, tempFolder } from './bundle-fixture.ts';
import { header, putTogether, takeApart, withChecksum } from './tar-craft.ts';
import type { Entry } from './tar-craft.ts';

const folder = await tempFolder(t.teardown);
const full = await buildTiny(folder);
const delta = await buildTiny(folder, {
  composeText: COMPOSE.replace('version: 1.0.0', 'version: 1.1.0'),
  imageSource: await sourceOf([
    { ...IMAGES[0]!, layers: [...IMAGES[0]!.layers, { 'app/new': '' }] },
    IMAGES[1]!,
  ]),
  bases: [baseOfBundle('full', full.index)],
  outPath: join(folder, 'delta.tar'),
});

/** mulberry32: the same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Pick = (below: number) => number;
type Mutation = (pick: Pick) => Buffer;

const noise = (length: number, pick: Pick): Buffer => Buffer.from(Array.from({ length }, () => pick(256)));

function mutationsOf(good: Buffer): Record<string, Mutation> {
  const entries = takeApart(good);
  const offsets = entries.reduce<number[]>(
    (all, { content }, at) => [...all, all[at]! + 512 + Math.ceil(content.length / 512) * 512],
    [0],
  );
  function flipped(at: number, bit: number): Buffer {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1 << bit;
    return bytes;
  }

  function withEntries(change: (list: Entry[], at: number) => void): Mutation {
    return (pick) => {
      const list = entries.map((entry) => ({ ...entry }));
      change(list, pick(list.length));
      return putTogether(list);
    };
  }

  function withHeader(change: (block: Buffer, pick: Pick) => void): Mutation {
    return (pick) => {
      const bytes = Buffer.from(good);
      const at = offsets[pick(entries.length)]!;
      const block = bytes.subarray(at, at + 512);
      change(block, pick);
      withChecksum(block);
      return bytes;
    };
  }

  return {
    'a bit flipped anywhere': (pick) => flipped(pick(good.length), pick(8)),
    'a bit flipped in a header': (pick) => flipped(offsets[pick(entries.length)]! + pick(512), pick(8)),
    'a bit flipped in the front': (pick) => flipped(pick(offsets[2]!), pick(8)),
    'a bit flipped in the last blocks': (pick) => flipped(good.length - 1 - pick(1024), pick(8)),
    'cut off anywhere': (pick) => good.subarray(0, pick(good.length)),
    'cut off at a block': (pick) => good.subarray(0, pick(good.length / 512) * 512),
    'cut off at an entry': (pick) => good.subarray(0, offsets[pick(entries.length)]),
    'cut off at an entry and closed': (pick) =>
      Buffer.concat([good.subarray(0, offsets[pick(entries.length)]), Buffer.alloc(1024)]),
    'a range of zeros': (pick) => {
      const at = pick(good.length);
      return Buffer.from(good).fill(0, at, Math.min(good.length, at + 1 + pick(4096)));
    },
    'a range of noise': (pick) => {
      const at = pick(good.length - 64);
      return Buffer.concat([good.subarray(0, at), noise(64, pick), good.subarray(at + 64)]);
    },
    'a byte left out': (pick) => {
      const at = pick(good.length);
      return Buffer.concat([good.subarray(0, at), good.subarray(at + 1)]);
    },
    'a block put in': (pick) => {
      const at = pick(good.length / 512) * 512;
      return Buffer.concat([
        good.subarray(0, at),
        pick(2) === 0 ? Buffer.alloc(512) : noise(512, pick),
        good.subarray(at),
      ]);
    },
    'bytes appended': (pick) =>
      Buffer.concat([good, pick(2) === 0 ? Buffer.alloc(1 + pick(2000)) : noise(1 + pick(2000), pick)]),
    'another bundle appended': (pick) =>
      Buffer.concat([good, good.subarray(0, good.length - pick(2) * 1024)]),
    'two entries swapped': (pick) => {
      const list = [...entries];
      const [a, b] = [pick(list.length), pick(list.length)];
      [list[a], list[b]] = [list[b]!, list[a]!];
      return putTogether(list);
    },
    'two contents swapped': (pick) => {
      const list = entries.map((entry) => ({ ...entry }));
      const [a, b] = [list[pick(list.length)]!, list[pick(list.length)]!];
      [a.content, b.content] = [b.content, a.content];
      return putTogether(list);
    },
    'an entry twice': withEntries((list, at) => list.splice(at, 0, list[at]!)),
    'an entry again at the end': withEntries((list, at) => list.push(list[at]!)),
    'an entry left out': withEntries((list, at) => list.splice(at, 1)),
    'an entry moved to the front': withEntries((list, at) => list.unshift(...list.splice(at, 1))),
    'an entry renamed': withEntries((list, at) => {
      list[at]!.name = `${list[at]!.name.slice(0, -1)}_`;
    }),
    'an entry moved out of the folder': withEntries((list, at) => {
      list[at]!.name = `../${list[at]!.name}`;
    }),
    'an entry with more content': withEntries((list, at) => {
      list[at]!.content = Buffer.concat([list[at]!.content, Buffer.from('more')]);
    }),
    'an entry without content': withEntries((list, at) => {
      list[at]!.content = Buffer.alloc(0);
    }),
    'a new entry': withEntries((list, at) => list.splice(at, 0, { name: 'new', content: Buffer.from('x') })),
    'another size in a header': withHeader((block, pick) =>
      block.write(
        pick(8 ** 6)
          .toString(8)
          .padStart(11, '0'),
        124,
        'latin1',
      ),
    ),
    'an enormous size in a header': withHeader((block) => {
      block.fill(0xff, 124, 136);
    }),
    'another type in a header': withHeader((block, pick) =>
      block.write('1234567xgLKSV\0'[pick(14)]!, 156, 'latin1'),
    ),
    'another field in a header': withHeader((block, pick) => {
      block[100 + pick(412)]! ^= 1 + pick(255);
    }),
  };
}

const ROUNDS = 45;

for (const [kind, { bytes: good, index }] of Object.entries({ full, delta })) {
  t.test(
    `no mutation of a ${kind} bundle is accepted, each gets one clear sentence, nothing is left behind`,
    async (t) => {
      t.equal(index.omits.length > 0, kind === 'delta');
      const work = await tempFolder(t.teardown);
      const path = join(work, 'bundle.tar');
      const pick = random(20261121);
      let tried = 0;
      const codes = new Set<string>();
      for (const [name, mutate] of Object.entries(mutationsOf(good))) {
        const wrong: string[] = [];
        for (let round = 0; round < ROUNDS;) {
          const bytes = mutate(pick);
          if (bytes.equals(good)) continue;
          round += 1;
          tried += 1;
          await writeFile(path, bytes);
          const verdict = await verdictOn(path);
          if (verdict.complaint !== undefined) wrong.push(`round ${round}: ${verdict.complaint}`);
          codes.add(verdict.code);
        }
        t.strictSame(wrong, [], name);
      }
      t.ok(tried >= 1000, `${tried} mutations`);
      t.strictSame(await readdir(work), ['bundle.tar']);
      t.ok(codes.size >= 4, `refused as ${[...codes].sort().join(', ')}`);
    },
  );
}

async function verdictOn(path: string): Promise<{ code: string; complaint?: string }> {
  await inspectBundle(path).catch((error: unknown) => {
    if (!isOnsteadError(error) || !error.code.startsWith('bundle.')) throw error;
  });
  try {
    await (await openBundle(path, { trustedKeys: [publicKey], arch: 'amd64' })).close();
    return { code: 'accepted', complaint: 'accepted' };
  } catch (error) {
    if (!isOnsteadError(error) || !error.code.startsWith('bundle.'))
      return { code: 'crash', complaint: String(error) };
    const sentence = /^[^\n]+[.)]$/.test(error.message) && error.next !== undefined;
    return { code: error.code, ...(sentence ? {} : { complaint: `no sentence: ${error.message}` }) };
  }
}

t.test('the untouched bundles are accepted, so the mutations are what is refused', async (t) => {
  for (const { bytes: good } of [full, delta]) {
    const entries = takeApart(good);
    const path = join(folder, 'again.tar');
    await writeFile(path, putTogether(entries));
    t.ok(putTogether(entries).equals(good));
    t.equal(header(entries[0]!).length, 512);
    await (await openBundle(path, { trustedKeys: [publicKey], arch: 'amd64' })).close();
  }
});
