// Steps of two operations take turns at the data: told in words, halted while they wait, and free after a kill.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { atData } from '../../../src/deploy/data-turn.ts';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { containerOnceWell } from '../../../src/deploy/tools.ts';
import type { Executor } from '../../../src/journal/index.ts';
import { lockData } from '../../../src/stack/index.ts';
import { openJournal, operationOf, runnerOn } from '../journal/lab.ts';

type Step = Executor<unknown>;

async function openLab(t: Parameters<typeof openJournal>[0]) {
  const lab = await openJournal(t);
  const tools = { journal: lab.journal, paths: pathsUnder(lab.folder) };
  const begin = (kind: string, type: string): string =>
    lab.journal.create({ ...operationOf(type), kind, title: `A ${kind}` }).id;
  const notesOf = (id: string): string[] =>
    lab.journal.events(id).flatMap(({ type, text }) => (type === 'note' && text !== null ? [text] : []));
  return { ...lab, tools, begin, notesOf };
}

t.test('an upgrade waits for the copy that a backup is making, and says so', async (t) => {
  const lab = await openLab(t);
  const story: string[] = [];
  const copied = Promise.withResolvers<void>();
  const copy: Step = {
    apply: async () => {
      story.push('copy begins');
      await copied.promise;
      story.push('copy ends');
    },
  };
  const change: Step = { apply: async () => void story.push('change') };
  const runner = runnerOn(lab, {
    executors: { copy: atData(lab.tools, copy), change: atData(lab.tools, change) },
  });
  const backup = lab.begin('backup', 'copy');
  runner.start(backup);
  while (story.length === 0) await sleep(5);
  const upgrade = lab.begin('upgrade', 'change');
  runner.start(upgrade);
  while (lab.notesOf(upgrade).length === 0) await sleep(20);
  t.strictSame(story, ['copy begins']);
  copied.resolve();
  await Promise.all([runner.finished(backup), runner.finished(upgrade)]);
  t.strictSame(story, ['copy begins', 'copy ends', 'change']);
  t.strictSame(lab.notesOf(upgrade), [
    `Waiting: "A backup" (${backup}) is at the data; this goes on when that is done there.`,
  ]);
});

t.test('one that waits can be halted, and what it waited to do is not begun', async (t) => {
  const lab = await openLab(t);
  const done: string[] = [];
  const change: Step = { apply: async () => void done.push('change') };
  const runner = runnerOn(lab, { executors: { change: atData(lab.tools, change) } });
  const upgrade = lab.begin('upgrade', 'change');
  await lockData(lab.tools.paths, async () => {
    runner.start(upgrade);
    while (lab.notesOf(upgrade).length === 0) await sleep(20);
    runner.halt(upgrade);
    await runner.finished(upgrade);
  });
  t.equal(lab.journal.get(upgrade).state, 'rolled-back');
  t.strictSame(done, []);
  t.match(lab.notesOf(upgrade), [/^Waiting: somebody else is at the data/]);
});

t.test('a step that failed at the data leaves it to the next', async (t) => {
  const lab = await openLab(t);
  const change: Step = {
    apply: async () => {
      throw new Error('no');
    },
    undo: async () => {},
  };
  const runner = runnerOn(lab, { executors: { change: atData(lab.tools, change) } });
  const upgrade = lab.begin('upgrade', 'change');
  runner.start(upgrade);
  await runner.finished(upgrade);
  t.match(lab.journal.get(upgrade), { state: 'rolled-back', steps: [{ state: 'undone' }] });
  t.equal(await lockData(lab.tools.paths, async () => 'free'), 'free');
});

t.test('a daemon that is killed at the data leaves it to the next', async (t) => {
  const { tools, folder } = await openLab(t);
  await mkdir(tools.paths.state, { recursive: true });
  const from = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
  const program = `import { lockData } from ${from('stack/lock.ts')};
import { pathsUnder } from ${from('base/paths.ts')};
await lockData(pathsUnder(${JSON.stringify(folder)}), async () => {
  console.log('held');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const waiting = lockData(tools.paths, async () => 'mine');
  t.equal(await Promise.race([waiting, sleep(300)]), undefined, 'it is held');
  child.kill('SIGKILL');
  t.equal(await waiting, 'mine');
});

t.test('every step of a change that is at the data takes its turn there', async (t) => {
  const { tools, journal, clock } = await openLab(t);
  const executors = upgradeExecutors({ ...tools, clock } as unknown as DeployTools);
  const atTheData = [
    'write-stack',
    'migrate',
    'keep-point',
    'migrate-down',
    'replace-data',
    'restore-data',
    'tidy',
  ];
  const { id } = journal.create({ ...operationOf('one'), kind: 'upgrade' });
  const waited: string[] = [];
  const signal = AbortSignal.timeout(1_500);
  await lockData(tools.paths, async () => {
    const all = atTheData.map((type) => {
      const { apply } = executors[type as 'tidy'];
      const context = { operation: id, signal, progress: () => {}, note: () => void waited.push(type) };
      return t.rejects(apply({} as never, context), { name: /AbortError|TimeoutError/ }, type);
    });
    await Promise.all(all);
  });
  t.strictSame(waited.toSorted(), atTheData.toSorted());
});

t.test('whoever only reads waits for a service that is down, and does not start it', async (t) => {
  const { clock } = await openLab(t);
  const answers = [[], [{ status: 'exited' }], [{ status: 'running', health: 'starting' }]];
  const looks = [...answers, [{ status: 'running', health: 'healthy', id: 'well' }]];
  let look = 0;
  const list = async () => looks[Math.min(look++, looks.length - 1)]!;
  const tools = {
    clock,
    engine: async () => ({ containers: { list } }),
    compose: async () => t.fail('it is somebody else to start it'),
  } as unknown as DeployTools;
  const { signal } = new AbortController();
  t.equal(await containerOnceWell(tools, 'notes', 'mysql', signal), 'well');
  t.equal(look, looks.length);
  look = 0;
  looks.splice(1);
  await t.rejects(containerOnceWell(tools, 'notes', 'mysql', signal), {
    code: 'stack.not-running',
    next: /onstead status/,
  });
});
