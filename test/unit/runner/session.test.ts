// Whole runs over tiny trees of tests, with the real tap: the verdict, the counts and the last line.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { parseWanted, type Wanted } from '../../runner/arguments.ts';
import { Children } from '../../runner/children.ts';
import { RINGS, type Ring } from '../../runner/rings.ts';
import { runSession } from '../../runner/session.ts';
import type { Readiness } from '../../runner/setup.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const names = RINGS.map((ring) => ring.name);

interface Try {
  readonly args?: readonly string[];
  readonly isCi?: boolean;
  readonly readiness?: Readiness;
  readonly tapProblem?: string;
  readonly rings?: readonly Ring[];
  readonly children?: Children;
}

/** A checkout of its own, so that the tap inside the tap shares none of its files with the one around it. */
const checkout = t.testdir({
  node_modules: t.fixture('symlink', join(root, 'node_modules')),
  'package.json': readFileSync(join(root, 'package.json'), 'utf8'),
});
cpSync(join(root, 'test/fixtures/runner'), join(checkout, 'test'), { recursive: true });

async function runTree(tree: string, { args = [], isCi = false, ...more }: Try = {}) {
  const lines: string[] = [];
  let setUps = 0;
  const code = await runSession({
    where: { root: checkout, testFolder: `test/${tree}`, suffix: '.case.ts' },
    rings: more.rings ?? RINGS,
    wanted: parseWanted(args, names) as Wanted,
    isCi,
    children: more.children ?? new Children(),
    readyForTap: async () => more.tapProblem,
    readyForEngine: async () => {
      setUps += 1;
      return more.readiness ?? { state: 'ready' };
    },
    print: (line) => lines.push(...line.split('\n')),
  });
  return { code, setUps, last: lines.at(-1), text: lines.join('\n') };
}

const noEngine: Readiness = { state: 'no-engine', why: 'No Docker Engine can run here: not root.' };

t.test('all passed: true counts, no set-up, exit code 0', async (t) => {
  const run = await runTree('good');
  t.match(run, { code: 0, last: '3 passed, 0 failed, 1 skipped', setUps: 0 });
  t.match(run.text, /^unit +4 +0 +1 +[\d.]+ +test\/good\/unit\/counts\.case\.ts/m);
  t.match(run.text, /^Slowest ring: unit, /m);
});

t.test('a failing test: its output in full, exit code 1', async (t) => {
  const run = await runTree('bad');
  t.match(run, { code: 1, last: '1 passed, 1 failed' });
  t.match(run.text, /FAILED .*fails\.case\.ts › does not hold/);
  t.match(run.text, /not ok 1 - one is two/);
});

t.test('a crashing file is a failure, and its stderr is shown', async (t) => {
  const run = await runTree('crash');
  t.match(run, { code: 1, last: '0 passed, 2 failed' });
  t.match(run.text, /the fixture crashes on purpose/);
});

t.test('a test file that tests nothing is a failure', async (t) => {
  t.match(await runTree('empty'), { code: 1, last: '0 passed, 1 failed', text: /no test in this file/ });
});

t.test('a test that hangs is ended at its limit, and is a failure', async (t) => {
  const rings = RINGS.map((ring) => ({ ...ring, fileLimitSeconds: 3 }));
  t.match(await runTree('hang', { rings }), { code: 1, last: '0 passed, 1 failed', text: /timeout!/ });
});

t.test('a ring over its limit is ended, and is a failure', async (t) => {
  const rings = RINGS.map((ring) => ({ ...ring, ringLimitSeconds: 1 }));
  const run = await runTree('hang', { rings });
  t.equal(run.code, 1);
  t.match(run.text, /FAILED ring unit: took longer than its limit of 1 s/);
});

t.test('no test at all is a failure', async (t) => {
  t.match(await runTree('no-such-tree'), { code: 1, last: '0 passed, 1 failed', text: /No test ran/ });
  t.match(await runTree('good', { args: ['no-such-file'] }), { code: 1, last: '0 passed, 1 failed' });
});

t.test('rings on an engine run after set-up, and a crash test is in its own ring only', async (t) => {
  const run = await runTree('engine');
  t.match(run, { code: 0, last: '3 passed, 0 failed', setUps: 1 });
  t.match(run.text, /^crash +1 /m);
  t.match(run.text, /^e2e +1 /m);
});

t.test('only the rings and files that were asked for run', async (t) => {
  t.match(await runTree('engine', { args: ['unit'] }), { last: '1 passed, 0 failed', setUps: 0 });
  t.match(await runTree('engine', { args: ['e2e', 'crash'] }), { last: '2 passed, 0 failed' });
  t.match(await runTree('engine', { args: ['e2e', 'passes'] }), { last: '1 passed, 0 failed' });
});

t.test('the deep ring runs by its name, in parts of its files, or where one of them is named', async (t) => {
  t.match(await runTree('deep'), { last: '1 passed, 0 failed' });
  t.match(await runTree('deep', { args: ['deep'] }), { last: '4 passed, 0 failed' });
  t.match(await runTree('deep', { args: ['third'] }), { last: '1 passed, 0 failed', text: /third/ });
  const parts = await Promise.all([1, 2, 3].map((n) => runTree('deep', { args: ['unit', `deep:${n}/3`] })));
  t.strictSame(
    parts.map(({ text }) => [...text.matchAll(/^ok .*deep\/(\w+)\.case/gm)].map(([, name]) => name)),
    [['first', 'third'], ['fourth'], ['second']],
  );
  t.match(parseWanted(['deep:4/3'], names), /no part 4 of 3/);
});

t.test('without an engine the other rings run, and those that did not are named', async (t) => {
  const run = await runTree('engine', { readiness: noEngine });
  t.match(run, { code: 0, last: '1 passed, 0 failed' });
  t.match(run.text, /Not run: e2e, crash\. No Docker Engine can run here: not root\.\n1 passed/);
});

t.test('without an engine on a build machine the run fails', async (t) => {
  const run = await runTree('engine', { readiness: noEngine, isCi: true });
  t.match(run, { code: 1, last: '1 passed, 2 failed' });
  t.match(run.text, /Ring e2e did not run, and CI is set\./);
});

t.test('without an engine a run of engine rings alone fails, since nothing ran', async (t) => {
  t.match(await runTree('engine', { readiness: noEngine, args: ['e2e'] }), { code: 1 });
});

t.test('a set-up that fails is a failure, with its reason', async (t) => {
  const readiness: Readiness = { state: 'failed', why: 'the disk is full' };
  const run = await runTree('engine', { readiness });
  t.match(run, { code: 1, last: '1 passed, 1 failed', text: /Set-up failed: the disk is full/ });
});

t.test('a tap that cannot be built is a failure, and nothing runs', async (t) => {
  const run = await runTree('good', { tapProblem: 'tap build ended with code 1' });
  t.match(run, { code: 1, last: '0 passed, 1 failed', text: /Set-up failed: tap build ended with code 1/ });
});

t.test('with --bail a failure ends the run before set-up', async (t) => {
  const run = await runTree('bad', { args: ['--bail'] });
  t.match(run, { code: 1, setUps: 0 });
});

t.test('what a test leaves running ends with its ring', async (t) => {
  const pidFile = join(t.testdir(), 'pid');
  process.env['LEFTOVER_PID_FILE'] = pidFile;
  t.teardown(() => delete process.env['LEFTOVER_PID_FILE']);
  await runTree('leftover');
  const pid = readFileSync(pidFile, 'utf8');
  // Ending it is asked for before the run is over; on a busy machine the kernel takes a moment.
  const giveUpAtMs = Date.now() + 10_000;
  while (existsSync(`/proc/${pid}`) && !isDead(pid) && Date.now() < giveUpAtMs) await delay(20);
  t.notOk(existsSync(`/proc/${pid}`) && !isDead(pid), 'the child is gone');
});

t.test('a stopped run ends its children and is a failure', async (t) => {
  const children = new Children();
  const rings = RINGS.filter((ring) => ring.name === 'unit');
  setTimeout(() => children.stop(), 800);
  const run = await runTree('hang', { children, rings });
  t.equal(run.code, 1);
  t.match(run.text, /The run was interrupted/);
});

t.test('npm test itself: wrong usage is exit code 2, --list names each ring', async (t) => {
  const [code] = await once(spawn(process.execPath, [join(root, 'test/run.ts'), '--no-such']), 'exit');
  t.equal(code, 2);
});

function isDead(pid: string): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
