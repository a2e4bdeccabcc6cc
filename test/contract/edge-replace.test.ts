// nginx itself replaced on a real engine with people at work: nobody notices, and whatever cuts it off, the next attempt
// ends it.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { replaceEdge, settleEdge, steerEdge } from '../../src/stack/index.ts';
import { openEdgeLab } from './edge-lab.ts';

t.setTimeout(290_000);
const lab = await openEdgeLab();
t.teardown(() => lab.close());
const { signal } = new AbortController();
const { edge, engine } = lab;

async function replace(): Promise<void> {
  await replaceEdge({ edge, files: lab.compose, servers: await lab.replicas(), drainMs: 30_000 }, signal);
}

async function labels(): Promise<(string | undefined)[]> {
  const all = await engine.containers.list({ project: edge.project, service: 'nginx' });
  return all
    .map(({ labels: { 'onstead.lab': label }, status }) => `${label ?? 'first'} ${status}`)
    .toSorted();
}

t.test('20 replacements of nginx fail no request', async (t) => {
  const load = lab.load();
  for (let round = 0; round < 20; round += 1) {
    await lab.change(`round-${round}`);
    await replace();
    t.strictSame(await labels(), [`round-${round} running`]);
  }
  await settleEdge(edge, await lab.replicas(), signal);
  const seen = await load.stop();
  t.strictSame(seen.failures, []);
  t.ok(seen.answered > 1_000 && seen.posted > 400, `${seen.answered} answers`);
  t.strictSame(await lab.compose.pending({ services: ['nginx'], noDeps: true }), [], 'Compose is content');
});

t.test('what is as the files say is left alone', async (t) => {
  const [before] = await engine.containers.list({ project: edge.project, service: 'nginx' });
  await replace();
  const after = await engine.containers.list({ project: edge.project, service: 'nginx' });
  t.strictSame(
    after.map(({ id }) => id),
    [before!.id],
  );
});

t.test('an attempt that was cut off with both running is ended by the next one', async (t) => {
  const load = lab.load();
  await steerEdge(edge, { kind: 'listed', servers: await lab.replicas() }, signal);
  await lab.change('cut-off');
  await lab.compose.up({ services: ['nginx'], noDeps: true, noRecreate: true, scale: { nginx: 2 } });
  t.equal((await labels()).length, 2);
  await replace();
  t.strictSame(await labels(), ['cut-off running']);
  t.strictSame((await load.stop()).failures, []);
});

t.test('an attempt that was cut off after the old one ended is ended by the next one', async (t) => {
  await lab.change('ended');
  await lab.compose.up({ services: ['nginx'], noDeps: true, noRecreate: true, scale: { nginx: 2 } });
  const all = await engine.containers.list({ project: edge.project, service: 'nginx' });
  const old = all.find(({ labels: { 'onstead.lab': label } }) => label === 'cut-off')!;
  await engine.containers.stop(old.id, { timeoutSeconds: 20 });
  await replace();
  t.strictSame(await labels(), ['ended running']);
});

t.test('one that was made and never started is made anew', async (t) => {
  await lab.change('made');
  await lab.compose.up({ services: ['nginx'], noDeps: true, noRecreate: true, scale: { nginx: 2 } });
  const all = await engine.containers.list({ project: edge.project, service: 'nginx' });
  const made = all.find(({ labels: { 'onstead.lab': label } }) => label === 'made')!;
  await engine.containers.kill(made.id);
  await replace();
  t.strictSame(await labels(), ['made running']);
});

t.test('files that the next nginx cannot read replace nothing, and the old one goes on', async (t) => {
  const path = join(lab.stackFolder, 'config/nginx/nginx.conf');
  const good = await readFile(path, 'utf8');
  const load = lab.load();
  await settleEdge(edge, await lab.replicas(), signal);
  await lab.change('broken');
  await writeFile(path, good.replace('sendfile on;', 'sendfile on'));
  await t.rejects(replace(), { code: 'edge.refused', message: /sendfile|directive/ });
  await writeFile(path, good);
  t.strictSame(await labels(), ['made running']);
  t.strictSame((await load.stop()).failures, []);
  t.strictSame(await engine.containers.list({ name: `${edge.project}-nginx-trial` }), []);
});
