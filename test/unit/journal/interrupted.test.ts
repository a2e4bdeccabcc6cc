// What interrupts an operation: a stop, an engine that is away, a full disk, a step that never ends well. It is waited for,
// taken up again, or left to a person; nothing is done twice.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { attemptLimit, Journal, type Executor } from '../../../src/journal/index.ts';
import { callsIn, effectsOf, type EffectInput } from './fixtures/effects.ts';
import { openJournal, operationOf, runnerOn } from './lab.ts';
import { broken, passing, waits, fails, runTo, table } from './trial.ts';

t.test('a stuck rollback can be resumed: forward again, to the end', async (t) => {
  const lab = await openJournal(t);
  let isBroken = true;
  const flaky = async (): Promise<void> => {
    if (isBroken) throw broken;
  };
  const { id, runner, operation, steps } = await runTo(lab, ['one', 'two', 'three'], {
    executors: table(lab, { one: { undo: flaky }, three: { apply: flaky } }),
  });
  t.equal(operation().state, 'stuck');
  isBroken = false;
  runner.resumeStuck(id);
  await runner.finished(id);
  t.match(operation(), { state: 'done', error: null });
  t.strictSame(steps(), ['done', 'done', 'done']);
  t.strictSame(await effectsOf(lab.folder), ['one', 'two']);
});

t.test('an error that time heals is waited for, told once, and then the step goes on', async (t) => {
  const lab = await openJournal(t);
  let left = 3;
  const apply = async (): Promise<string> => {
    left -= 1;
    if (left >= 0) throw passing;
    return 'at last';
  };
  const { id, operation } = await runTo(lab, ['one', 'two'], {
    executors: table(lab, { one: { apply } }),
    isWorthWaiting: waits,
  });
  t.match(operation(), {
    state: 'done',
    steps: [{ state: 'done', note: 'at last', attempts: 1 }, { state: 'done' }],
  });
  t.equal(lab.clock.slept.length, 3);
  t.strictSame(
    lab.journal
      .events(id)
      .filter(({ type }) => type === 'note')
      .map(({ text }) => text),
    ['Waiting: The engine is away.'],
  );
});

t.test('an effect from before a stuck wait is still ours after a person resumed', async (t) => {
  const lab = await openJournal(t);
  const apply = async (): Promise<void> => {
    await writeFile(join(lab.folder, 'effect-one'), 'here');
    throw passing;
  };
  let isHidden = true;
  const holds = async (): Promise<boolean> => !isHidden && (await effectsOf(lab.folder)).includes('one');
  const { id, runner, operation, steps } = await runTo(lab, ['one', 'two'], {
    executors: table(lab, { one: { apply, holds }, two: { apply: fails() } }),
    isWorthWaiting: waits,
    waitLimitMs: 1000,
  });
  t.equal(operation().state, 'stuck');
  isHidden = false;
  runner.resumeStuck(id);
  await runner.finished(id);
  t.equal(operation().state, 'rolled-back');
  t.strictSame(steps(), ['undone', 'undone']);
  t.strictSame(await effectsOf(lab.folder), []);
});

for (const state of ['planned', 'running', 'done', 'rolling-back', 'rolled-back'] as const) {
  t.test(`an operation that is ${state} can be neither resumed nor abandoned`, async (t) => {
    const lab = await openJournal(t);
    const runner = runnerOn(lab, { executors: table(lab, {}) });
    const { id } = lab.journal.create(operationOf('one'));
    const ways = {
      planned: [],
      running: ['running'],
      done: ['running', 'done'],
      'rolling-back': ['running', 'rolling-back'],
      'rolled-back': ['running', 'rolling-back', 'rolled-back'],
    } as const;
    for (const next of ways[state]) lab.journal.move(id, next);
    lab.journal.attempt(id, 1, 'running');
    for (const settle of [() => runner.resumeStuck(id), () => runner.abandonStuck(id)]) {
      t.throws(settle, { code: 'operation.not-stuck', message: new RegExp(`${id}.*${state}`) });
    }
    t.equal(lab.journal.get(id).state, state);
    t.equal(lab.journal.steps(id)[0]!.attempts, 1, 'the attempts are still counted');
    t.strictSame(await callsIn(lab.folder), []);
  });
}

t.test('a step that was begun too often is taken back instead of begun again', async (t) => {
  const lab = await openJournal(t);
  const { id } = lab.journal.create(operationOf('one', 'two'));
  lab.journal.move(id, 'running');
  lab.journal.attempt(id, 1, 'running');
  lab.journal.settle(id, 1, 'done');
  await writeFile(join(lab.folder, 'effect-one'), 'here');
  for (let time = 0; time < attemptLimit; time += 1) lab.journal.attempt(id, 2, 'running');
  const runner = runnerOn(lab, { executors: table(lab, {}) });
  t.strictSame(runner.resumeAll(), [id]);
  await runner.finished(id);
  t.equal(attemptLimit, 5);
  t.match(lab.journal.get(id), {
    state: 'rolled-back',
    error: { code: 'operation.interrupted', message: /"Do two" was begun 5 times/ },
  });
  t.strictSame(await callsIn(lab.folder), ['undo two', 'undo one']);
});

t.test('an undo that was begun too often is a case for a person', async (t) => {
  const lab = await openJournal(t);
  const { id } = lab.journal.create(operationOf('one'));
  lab.journal.move(id, 'running');
  lab.journal.move(id, 'rolling-back');
  for (let time = 0; time < attemptLimit; time += 1) lab.journal.attempt(id, 1, 'undoing');
  const runner = runnerOn(lab, { executors: table(lab, {}) });
  runner.resumeAll();
  await runner.finished(id);
  t.match(lab.journal.get(id), { state: 'stuck', error: { message: /begun 5 times/ } });
  t.strictSame(await callsIn(lab.folder), []);
});

t.test('a stop in the middle leaves the step to be taken up again, by another runner', async (t) => {
  const lab = await openJournal(t);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const apply: Executor<EffectInput>['apply'] = (_input, { signal }) => {
    begin();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const runner = runnerOn(lab, { executors: table(lab, { two: { apply } }) });
  const { id } = lab.journal.create(operationOf('one', 'two', 'three'));
  runner.start(id);
  await begun;
  await runner.stop();
  t.match(lab.journal.get(id), {
    state: 'running',
    error: null,
    steps: [{ state: 'done' }, { state: 'running' }, { state: 'pending' }],
  });
  runner.start(id);
  await runner.finished(id);
  t.equal(lab.journal.get(id).state, 'running', 'a stopped runner begins nothing');
  const next = runnerOn(lab, { executors: table(lab, {}) });
  t.strictSame(next.resumeAll(), [id]);
  await next.finished(id);
  t.match(lab.journal.get(id), {
    state: 'done',
    steps: [{ state: 'done' }, { state: 'done' }, { state: 'done' }],
  });
});

t.test('a stop while waiting does not give up', async (t) => {
  const lab = await openJournal(t);
  const runner = runnerOn(lab, {
    executors: table(lab, { one: { apply: fails(passing) } }),
    isWorthWaiting: waits,
    waitLimitMs: 1e12,
  });
  const { id } = lab.journal.create(operationOf('one'));
  runner.start(id);
  while (lab.clock.slept.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await runner.stop();
  t.match(lab.journal.get(id), { state: 'running', steps: [{ state: 'running' }] });
});

t.test('a stop in the middle of an undo is gone on with, still backwards', async (t) => {
  const lab = await openJournal(t);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const undo: Executor<EffectInput>['undo'] = (_input, { signal }) => {
    begin();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const runner = runnerOn(lab, { executors: table(lab, { two: { undo }, three: { apply: fails() } }) });
  const { id } = lab.journal.create(operationOf('one', 'two', 'three'));
  runner.start(id);
  await begun;
  await runner.stop();
  t.match(lab.journal.get(id), {
    state: 'rolling-back',
    steps: [{ state: 'done' }, { state: 'undoing' }, { state: 'undone' }],
  });
  const next = runnerOn(lab, { executors: table(lab, {}) });
  t.strictSame(next.resumeAll(), [id]);
  await next.finished(id);
  t.match(lab.journal.get(id), { state: 'rolled-back', error: { code: 'test.broken' } });
  t.strictSame(await effectsOf(lab.folder), []);
});

t.test('a journal that cannot be written is no reason to take back what was done', async (t) => {
  const lab = await openJournal(t);
  const apply = async (): Promise<void> => {
    await writeFile(join(lab.folder, 'effect-two'), 'here');
    lab.db.exec(`create trigger full before insert on event begin select raise(abort, 'disk full'); end`);
  };
  const { id, operation } = await runTo(lab, ['one', 'two'], { executors: table(lab, { two: { apply } }) });
  t.match(operation(), { state: 'running', steps: [{ state: 'done' }, { state: 'running' }] });
  lab.db.exec('drop trigger full');
  const next = runnerOn(
    { journal: new Journal(lab.db, lab.clock), clock: lab.clock },
    { executors: table(lab, {}) },
  );
  next.resumeAll();
  await next.finished(id);
  t.equal(operation().state, 'done');
});

t.test('a disk that is full before the first step is waited for', async (t) => {
  const lab = await openJournal(t);
  let tries = 0;
  const exclusively = async (_: string, work: () => Promise<void>): Promise<void> => {
    tries += 1;
    if (tries < 3) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    await work();
  };
  const { operation } = await runTo(lab, ['one'], { executors: table(lab, {}), exclusively });
  t.equal(operation().state, 'done');
  t.equal(tries, 3);
});

t.test('what keeps an operation from beginning at all leaves it stuck, and a person may go on', async (t) => {
  const lab = await openJournal(t);
  let isBroken = true;
  const exclusively = async (_: string, work: () => Promise<void>): Promise<void> => {
    if (isBroken) throw broken;
    await work();
  };
  const parts = { executors: table(lab, {}), exclusively };
  const { id, runner, operation } = await runTo(lab, ['one'], parts);
  t.match(operation(), {
    state: 'stuck',
    error: { message: /interrupted: It broke/, next: /Mend it.*resume/ },
  });
  isBroken = false;
  runner.resumeStuck(id);
  await runner.finished(id);
  t.equal(operation().state, 'done');
});

t.test('the story says that the daemon ended in the middle of a step', async (t) => {
  const lab = await openJournal(t);
  const { id } = lab.journal.create(operationOf('one', 'two'));
  lab.journal.move(id, 'running');
  lab.journal.attempt(id, 1, 'running'); // and then the process was gone
  const runner = runnerOn(lab, { executors: table(lab, {}) });
  runner.resumeAll();
  await runner.finished(id);
  const notes = lab.journal.events(id).filter(({ type }) => type === 'note');
  t.match(notes, [{ step: 1, text: /^The daemon ended in the middle of this/ }]);
  t.equal(lab.journal.get(id).state, 'done');
});

t.test('of a step that has nothing to take back it stays known how long it took', async (t) => {
  const lab = await openJournal(t);
  const slow = async (): Promise<never> => {
    lab.clock.advance(60_000);
    throw broken;
  };
  const { id } = await runTo(lab, ['one', 'two'], {
    executors: table(lab, { one: { undo: undefined as never }, two: { apply: slow } }),
  });
  const [one] = lab.journal.get(id).steps;
  t.equal(one!.state, 'undone');
  t.equal(one!.finishedAt, one!.startedAt, 'no time passed in it');
});
