// Deltas on a real engine that has not what they leave out: told before anything is sent, and nothing is loaded.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import type { Engine } from '../../src/engine/index.ts';
import { imageNameFor } from '../../src/stack/index.ts';
import {
  at,
  mark,
  project,
  engine,
  tags,
  forgetAll,
  load,
  plan,
  isLoaded,
  contentOf,
  first,
  full,
  second,
} from './delta-lab.ts';

t.test('a base that was cleared away is told when planning, with the way out', async (t) => {
  await forgetAll();
  await t.rejects(plan('delta.tar'), {
    code: 'bundle.base-missing',
    message: /builds on 1\.0\.0.*not on this machine: 2 of 3 of app \(.*\); 1 of 1 of nginx/,
    next: /full bundle of 1\.1\.0.*onstead fingerprint/,
  });
});

t.test('a base that was pruned after planning is told before anything is sent', async (t) => {
  await forgetAll();
  await load('first.tar');
  await plan('delta.tar');
  await forgetAll();
  await t.rejects(load('delta.tar'), { code: 'bundle.base-missing' });
  t.notOk(await isLoaded(second.index));
  t.strictSame(await engine.images.list({ reference: `onstead.local/${project}/*` }), []);
});

/** An engine as it is when somebody prunes it right after it was asked what it has. */
function prunedAfterLook(stale: readonly (readonly string[])[]): Engine {
  let looks = 0;
  const images = new Proxy(engine.images, {
    get(target, key) {
      if (key === 'layerChains') {
        return async () => ((looks += 1) === 1 ? stale : target.layerChains());
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return new Proxy(engine, {
    get: (target, key) => (key === 'images' ? images : Reflect.get(target, key, target)),
  });
}

t.test(
  'a base that is pruned while the images are sent: a delta says so, a full bundle sends it',
  async (t) => {
    await forgetAll();
    const stale = first.index.images.map(({ layers }) => layers.map(({ diffId }) => diffId));
    await t.rejects(load('delta.tar', prunedAfterLook(stale)), { code: 'bundle.base-missing' });
    t.notOk(await isLoaded(second.index));
    await load('full.tar', prunedAfterLook(stale));
    t.ok(await isLoaded(full.index));
  },
);

/** This engine, loaded as one whose store is containerd's: every layer of an image has to be in the archive. */
const asContainerd: Engine = new Proxy(engine, {
  get: (target, key) =>
    key === 'info'
      ? async () => ({ ...(await target.info()), containerdStore: true })
      : Reflect.get(target, key, target),
});

t.test('for a store that builds on no chains, the engine gives the layers back', async (t) => {
  await forgetAll();
  await load('first.tar');
  t.ok((await load('delta.tar', asContainerd)) > 3_000_000, 'all of it was sent');
  t.ok(await isLoaded(second.index));
  t.equal(await contentOf(second.index, '/base.txt'), `base ${mark}\n`);
  t.strictSame(await readdir(at('state')), [], 'nothing is left behind');
  await forgetAll();
  await t.rejects(load('delta.tar', asContainerd), { code: 'bundle.base-missing' });
});

t.test('a layer that is there, but on another one, is not taken for the base', async (t) => {
  await forgetAll();
  const other = `onstead-test-delta/other:${mark}`;
  tags.add(other);
  // The same packages on another base: their layer is in the store, but under another chain.
  await run('sh', ['-c', `tar -cf - -C ${at('context-1.0.0')} app.txt | docker import - ${other}`]);
  const [otherBase] = (await engine.images.inspect(other))!.diffIds;
  const chain = first.index.images[0]!.layers.map(({ diffId }) => diffId);
  await load('first.tar');
  const pin = imageNameFor(project, first.index.images[0]!);
  await run('sh', ['-c', `mkdir ${at('mix')} && docker save ${pin} ${other} | tar -xf - -C ${at('mix')}`]);
  await run('node', ['-e', MIX, at('mix'), other], { env: process.env });
  await forgetAll();
  await run('sh', ['-c', `tar -cf - -C ${at('mix')} . | docker load`]);
  t.strictSame((await engine.images.inspect(other))?.diffIds, [otherBase, ...chain.slice(1)]);
  await t.rejects(plan('delta.tar'), { code: 'bundle.base-missing', message: /2 of 3 of app/ });
  await t.rejects(load('delta.tar'), { code: 'bundle.base-missing' });
});

/** In a `docker save`: the layers of the first image, on the layer of the second, under the second's name. */
const MIX = `
const fs = require('fs'), { createHash } = require('crypto');
const [folder, name] = process.argv.slice(1);
const list = JSON.parse(fs.readFileSync(folder + '/manifest.json'));
const other = list.find((one) => one.RepoTags.includes(name)), app = list.find((one) => one !== other);
const read = (one) => JSON.parse(fs.readFileSync(folder + '/' + one.Config));
const config = read(other), layers = [other.Layers[0], ...app.Layers.slice(1)];
config.rootfs.diff_ids = [config.rootfs.diff_ids[0], ...read(app).rootfs.diff_ids.slice(1)];
config.history = layers.map(() => ({ created: config.created }));
const text = JSON.stringify(config), file = createHash('sha256').update(text).digest('hex') + '.json';
fs.writeFileSync(folder + '/' + file, text);
fs.writeFileSync(folder + '/manifest.json', JSON.stringify([{ Config: file, RepoTags: [name], Layers: layers }]));
fs.rmSync(folder + '/repositories', { force: true });
`;

t.test('a damaged delta is refused before the engine is asked anything', async (t) => {
  const bytes = await readFile(at('delta.tar'));
  for (const where of [0.3, 0.6, 0.9]) {
    const wrong = Buffer.from(bytes);
    wrong[Math.floor(bytes.length * where)]! ^= 1;
    await writeFile(at('damaged.tar'), wrong);
    await t.rejects(plan('damaged.tar'), { code: /^bundle\.(damaged|tar|index)$/ });
  }
  await writeFile(at('damaged.tar'), bytes.subarray(0, bytes.length - 2048));
  await t.rejects(plan('damaged.tar'), { code: 'bundle.truncated' });
});
