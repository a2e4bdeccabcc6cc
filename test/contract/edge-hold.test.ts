// Requests held at a real edge while what the app needs is away: they wait, and none of them fails.

import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { run } from '../../src/base/process.ts';
import { holdRequests, settleEdge, type HoldSeen } from '../../src/stack/index.ts';
import { openEdgeLab } from './edge-lab.ts';
import { until } from './engine-lab.ts';

t.setTimeout(290_000);
const lab = await openEdgeLab();
t.teardown(() => lab.close());
const { signal } = new AbortController();
const { edge } = lab;
const away = join(lab.appFolder, 'away');
const upstreams = join(lab.stackFolder, 'config/nginx/upstreams.conf');

async function takeAway(ms: number): Promise<void> {
  await writeFile(away, '');
  await sleep(ms);
  await rm(away);
}

t.test('what an app does without its database is seen when nobody is held', async (t) => {
  const load = lab.load({ users: 10 });
  await sleep(1_000);
  await takeAway(1_000);
  await sleep(500);
  t.ok((await load.stop()).failures.length > 0);
});

t.test(
  'a database that is away for 5 s fails no request of 50 clients, and every body arrives whole',
  async (t) => {
    const load = lab.load({ users: 50, pauseMs: 100 });
    await sleep(2_000);
    let told: HoldSeen | undefined;
    const options = { limitMs: 20_000, signal, told: (what: HoldSeen) => (told = what) };
    const said = await holdRequests(edge, options, async () => {
      await takeAway(5_000);
      return 'done';
    });
    await sleep(1_000);
    const seen = await load.stop();
    t.equal(said, 'done');
    t.strictSame(seen.failures, []);
    const counted = told !== undefined && 'waited' in told ? told : { waited: 0, longestMs: 0 };
    t.ok(counted.waited >= 40, `the edge counted ${counted.waited} that waited`);
    t.ok(counted.longestMs > 4_500, `and ${counted.longestMs} ms`);
    t.ok(
      seen.answered > 300 && seen.posted > 150,
      `${seen.answered} answers, ${seen.posted} of them to a POST`,
    );
    t.ok(seen.longestMs > 4_500, `the longest waited ${Math.round(seen.longestMs)} ms`);
    t.comment(`longest ${Math.round(seen.longestMs)} ms of ${seen.answered}`);
    t.notMatch(await readFile(upstreams, 'utf8'), /auth_request/);
  },
);

t.test('nobody is held longer than the limit', async (t) => {
  const load = lab.load({ users: 6 });
  await holdRequests(edge, { limitMs: 2_000, signal }, () => sleep(6_000));
  const seen = await load.stop();
  t.strictSame(seen.failures, []);
  t.ok(seen.longestMs < 5_500, `the longest waited ${Math.round(seen.longestMs)} ms`);
});

t.test('work that fails is an error after everything goes on again', async (t) => {
  const load = lab.load();
  await t.rejects(
    holdRequests(edge, { limitMs: 10_000, signal }, async () => {
      throw new Error('the work failed');
    }),
    { message: 'the work failed' },
  );
  t.notMatch(await readFile(upstreams, 'utf8'), /auth_request/);
  t.strictSame((await load.stop()).failures, []);
});

t.test(
  'a daemon that is killed while it holds lets everything go on, and what it left is cleared',
  async (t) => {
    const program = join(import.meta.dirname, 'edge-holder.ts');
    const { project, stackFolder } = edge;
    const child = spawn(process.execPath, [program, JSON.stringify({ project, stackFolder })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const load = lab.load();
    await once(child.stdout, 'data');
    const server = await childOf(child.pid!);
    child.kill('SIGKILL');
    await until('the hold server to end', async () => (existsSync(`/proc/${server}`) ? undefined : true));
    t.match(await readFile(upstreams, 'utf8'), /auth_request/, 'nginx asks nobody, and goes on');
    await sleep(1_000);
    await settleEdge(edge, [], signal);
    t.notMatch(await readFile(upstreams, 'utf8'), /auth_request/);
    const seen = await load.stop();
    t.strictSame(seen.failures, []);
    t.ok(seen.longestMs < 20_000, `the longest waited ${Math.round(seen.longestMs)} ms`);
  },
);

t.test('a hold server that is killed lets everything go on', async (t) => {
  const load = lab.load();
  const told: HoldSeen[] = [];
  await holdRequests(edge, { limitMs: 60_000, signal, told: (what) => told.push(what) }, async () => {
    process.kill(await childOf(process.pid), 'SIGKILL');
    await sleep(4_000);
  });
  const seen = await load.stop();
  t.strictSame(seen.failures, []);
  t.strictSame(told, [{ notHeld: 'ended' }], 'and nobody is told that they waited');
  t.ok(seen.longestMs < 3_500, `the longest waited ${Math.round(seen.longestMs)} ms`);
});

t.test('where no nginx runs the work is done', async (t) => {
  const told: HoldSeen[] = [];
  const options = { limitMs: 1_000, signal, told: (what: HoldSeen) => told.push(what) };
  t.equal(await holdRequests({ ...edge, project: 'nobody' }, options, async () => 7), 7);
  t.strictSame(told, [{ notHeld: 'no-nginx' }]);
});

async function childOf(pid: number): Promise<number> {
  const { stdout } = await run('pgrep', ['-P', String(pid), '-f', 'hold-worker']);
  return Number(stdout.trim());
}
