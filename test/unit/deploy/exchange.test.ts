// From one state of the two sides to another: what was ill before is nobody's fault, what is new has to be well.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack } from '../../../src/stack/index.ts';
import { renderUpstreams } from '../../../src/stack/edge/upstreams.ts';
import { inputFor, releaseText } from '../stack/lab.ts';
import { exchangeLab, type Replica } from './exchange-lab.ts';

const share = (fresh: number, stale: number, freshShare: number | null = null) => ({
  fresh,
  stale,
  freshShare,
});
const old = (id: string, more: Partial<Replica> = {}): Replica => ({
  ...{ id, side: 'stale', status: 'running', ...more },
});

t.test('an old replica that was ill before neither fails the upgrade nor the way back', async (t) => {
  for (const ill of [{ health: 'unhealthy' }, { status: 'paused' }] as const) {
    const lab = await exchangeLab(t, [old('ill', ill), old('well')]);
    await lab.go(share(0, 2), share(2, 2, 0));
    t.strictSame(
      lab.done.filter((one) => one.startsWith('start')),
      ['start fresh-3', 'start fresh-4'],
    );
    await lab.back(share(0, 2), share(2, 2, 0));
    t.notOk(lab.replicas.some(({ side }) => side === 'fresh'));
    t.ok(lab.replicas.some(({ id }) => id === 'well'));
  }
});

t.test('where one leaves after the other, the ill leave first', async (t) => {
  const lab = await exchangeLab(t, [old('ill', { health: 'unhealthy' }), old('well')]);
  await lab.go(share(0, 2), share(1, 1));
  t.strictSame(lab.done, ['start fresh-3', 'stop ill', 'remove ill']);
});

t.test(
  'a new replica that is ill fails the step, also where the daemon was killed after its start',
  async (t) => {
    const lab = await exchangeLab(t, [old('old')], { started: { fresh: 'unhealthy' } });
    for (const _ of ['the first time', 'begun again'])
      await t.rejects(lab.go(share(0, 1), share(1, 0)), { message: 'fresh-2 is unhealthy' });
    t.strictSame(lab.done, ['start fresh-2'], 'and nothing of before was touched');
    await lab.back(share(0, 1), share(1, 0));
    t.strictSame(lab.done, ['start fresh-2', 'stop fresh-2', 'remove fresh-2']);
  },
);

t.test('an old replica that the way back started has to be well before the new ones go', async (t) => {
  const lab = await exchangeLab(t, [old('old')], { started: { stale: 'unhealthy' } });
  await lab.go(share(0, 1), share(1, 0));
  for (const _ of ['the first time', 'begun again'])
    await t.rejects(lab.back(share(0, 1), share(1, 0)), { message: 'stale-2 is unhealthy' });
  t.ok(
    lab.replicas.some(({ side }) => side === 'fresh'),
    'what answers stays',
  );
});

t.test(
  'where no old replica was well before, the way back is taken all the same, and it is said',
  async (t) => {
    const lab = await exchangeLab(t, [old('old', { health: 'unhealthy' })], {
      started: { stale: 'unhealthy' },
    });
    await lab.go(share(0, 1), share(1, 0));
    await lab.back(share(0, 1), share(1, 0));
    t.match(lab.replicas, [{ side: 'stale' }]);
    t.match(
      lab.notes.join('\n'),
      /None of the old replicas was well before, and none is now: stale-2 is unhealthy/,
    );
  },
);

t.test('the edge finds an old replica under its new address before a new one is waited for', async (t) => {
  const lab = await exchangeLab(t, [old('0123456789ab', { address: '10.0.0.9' })], {
    started: { fresh: 'unhealthy' },
  });
  const files = new Map(renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText));
  const path = 'config/nginx/upstreams.conf';
  const named = { address: '10.0.0.4', port: 3000, weight: 1, replica: '0123456789ab' };
  const app = { name: 'app', port: 3000 };
  files.set(path, renderUpstreams(app, { kind: 'listed', servers: [named] }, ''));
  await writeStack(lab.paths.stack, files);
  await t.rejects(lab.go(share(0, 1), share(1, 0)), { message: 'fresh-2 is unhealthy' });
  t.match(await readFile(join(lab.paths.stack, path), 'utf8'), 'server 10.0.0.9:3000 ');
});
