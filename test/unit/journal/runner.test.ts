// The runner carries a plan to its end or back to its beginning; every effect is a real file, every state real SQLite.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type AnyExecutor, type Executor } from '../../../src/journal/index.ts';
import { callsIn, effectIn, effectsOf, record, type EffectInput } from './fixtures/effects.ts';
import { openJournal, operationOf, runnerOn } from './lab.ts';
import { broken, passing, waits, fails, runTo, table } from './trial.ts';

t.test('every step is done in its order', async (t) => {
  const lab = await openJournal(t);
  const { operation } = await runTo(lab, ['one', 'two', 'three'], { executors: table(lab, {}) });
  t.match(operation(), { state: 'done', error: null });
  t.match(operation().steps, [
    { state: 'done', attempts: 1, note: 'made one' },
    { state: 'done', attempts: 1, note: 'made two' },
    { state: 'done', attempts: 1, note: 'made three' },
  ]);
  t.strictSame(await callsIn(lab.folder), ['apply one', 'apply two', 'apply three']);
});

t.test('a step is written down before it is tried', async (t) => {
  const lab = await openJournal(t);
  const seen: unknown[] = [];
  const look = async (): Promise<void> => {
    const [operation] = lab.journal.list();
    seen.push([operation!.state, operation!.steps[1]!.state, operation!.steps[1]!.attempts]);
  };
  await runTo(lab, ['one', 'two'], {
    executors: table(lab, { two: { holds: async () => (await look(), false), apply: look } }),
  });
  t.strictSame(seen, [
    ['running', 'running', 1],
    ['running', 'running', 1],
  ]);
});

t.test('what stood already is skipped, and is not taken back', async (t) => {
  const lab = await openJournal(t);
  await writeFile(join(lab.folder, 'effect-one'), 'from before');
  const { steps, operation } = await runTo(lab, ['one', 'two', 'three'], {
    executors: table(lab, { three: { apply: fails() } }),
  });
  t.match(operation(), {
    state: 'rolled-back',
    error: { code: 'test.broken', message: 'It broke.', next: 'Mend it.' },
  });
  t.strictSame(steps(), ['skipped', 'undone', 'undone']);
  t.strictSame(await effectsOf(lab.folder), ['one']);
});

t.test('a failure takes back, from the last to the first, only what may have had an effect', async (t) => {
  const lab = await openJournal(t);
  const { steps, operation } = await runTo(lab, ['one', 'two', 'three', 'four'], {
    executors: table(lab, { three: { apply: fails() } }),
  });
  t.equal(operation().state, 'rolled-back');
  t.strictSame(steps(), ['undone', 'undone', 'undone', 'pending']);
  t.strictSame(await callsIn(lab.folder), ['apply one', 'apply two', 'undo three', 'undo two', 'undo one']);
  t.strictSame(await effectsOf(lab.folder), []);
  t.match(operation().steps[2]!.error, { code: 'test.broken' }, 'the step still says why it failed');
});

t.test('half an effect of the step that failed is taken back too', async (t) => {
  const lab = await openJournal(t);
  const apply = async (): Promise<void> => {
    await writeFile(join(lab.folder, 'effect-two'), 'half');
    throw broken;
  };
  const { operation } = await runTo(lab, ['one', 'two'], { executors: table(lab, { two: { apply } }) });
  t.equal(operation().state, 'rolled-back');
  t.strictSame(await effectsOf(lab.folder), []);
});

t.test('a step that cannot be undone does not hold up the others', async (t) => {
  const lab = await openJournal(t);
  const { undo: _, ...endless } = effectIn(lab.folder, 'two') as unknown as Executor<EffectInput>;
  const executors = { ...table(lab, { three: { apply: fails() } }), two: endless as unknown as AnyExecutor };
  const { operation, steps } = await runTo(lab, ['one', 'two', 'three'], { executors });
  t.equal(operation().state, 'rolled-back');
  t.strictSame(steps(), ['undone', 'undone', 'undone']);
  t.strictSame(await effectsOf(lab.folder), ['two']);
});

t.test('an undo that fails leaves the operation stuck and says what to do', async (t) => {
  const lab = await openJournal(t);
  let isBroken = true;
  const undo = async (): Promise<void> => {
    if (isBroken) throw broken;
    await record(lab.folder, 'undo two');
  };
  const { id, runner, operation, steps } = await runTo(lab, ['one', 'two', 'three'], {
    executors: table(lab, { two: { undo }, three: { apply: fails() } }),
  });
  t.match(operation(), {
    state: 'stuck',
    error: {
      code: 'operation.stuck',
      message: /"Do two" cannot go on: It broke\./,
      next: /^Mend it\. Then run `onstead operations resume`.*abandon/,
    },
  });
  t.strictSame(steps(), ['done', 'undoing', 'undone']);
  t.strictSame(await effectsOf(lab.folder), ['one', 'two']);
  isBroken = false;
  runner.abandonStuck(id);
  await runner.finished(id);
  t.equal(operation().state, 'rolled-back');
  t.strictSame(steps(), ['undone', 'undone', 'undone']);
});

t.test(
  'waiting ends: the operation is stuck, resumes when the cause is gone, and can be abandoned',
  async (t) => {
    for (const way of ['resume', 'abandon'] as const) {
      const lab = await openJournal(t);
      let isAway = true;
      const apply = async (): Promise<void> => {
        if (isAway) throw passing;
        await writeFile(join(lab.folder, 'effect-two'), 'here');
      };
      const { id, runner, operation } = await runTo(lab, ['one', 'two', 'three'], {
        executors: table(lab, { two: { apply } }),
        isWorthWaiting: waits,
        waitLimitMs: 10_000,
      });
      t.match(operation(), {
        state: 'stuck',
        error: { message: /"Do two" cannot go on: The engine is away/, next: /^Start it\. Then run/ },
      });
      t.equal(lab.clock.slept.length, 10);
      t.strictSame(
        await effectsOf(lab.folder),
        ['one'],
        'nothing is taken back while a person may still mend it',
      );
      isAway = false;
      if (way === 'resume') runner.resumeStuck(id);
      else runner.abandonStuck(id);
      await runner.finished(id);
      t.equal(operation().state, way === 'resume' ? 'done' : 'rolled-back');
      t.strictSame(await effectsOf(lab.folder), way === 'resume' ? ['one', 'three', 'two'] : []);
    }
  },
);

t.test('an effect that stood when its answer was lost is still ours to take back', async (t) => {
  const lab = await openJournal(t);
  let isFirst = true;
  const apply = async (): Promise<void> => {
    await writeFile(join(lab.folder, 'effect-one'), 'here');
    if (isFirst) {
      isFirst = false;
      throw passing;
    }
  };
  const { operation, steps } = await runTo(lab, ['one', 'two'], {
    executors: table(lab, { one: { apply }, two: { apply: fails() } }),
    isWorthWaiting: waits,
  });
  t.equal(operation().state, 'rolled-back');
  t.strictSame(steps(), ['undone', 'undone']);
  t.strictSame(await effectsOf(lab.folder), []);
});

t.test('the operation shows as verifying from the first proving step on', async (t) => {
  const lab = await openJournal(t);
  const seen: string[] = [];
  const look = async (): Promise<void> => void seen.push(lab.journal.list()[0]!.state);
  const executors = table(lab, {
    one: { apply: look },
    two: { apply: look, verifies: true },
    three: { apply: look },
  });
  const { operation } = await runTo(lab, ['one', 'two', 'three'], { executors });
  t.strictSame(seen, ['running', 'verifying', 'verifying']);
  t.equal(operation().state, 'done');
});

t.test('a proof that fails takes everything back', async (t) => {
  const lab = await openJournal(t);
  const { operation } = await runTo(lab, ['one', 'two'], {
    executors: table(lab, { two: { apply: fails(), verifies: true } }),
  });
  t.equal(operation().state, 'rolled-back');
  t.strictSame(await effectsOf(lab.folder), []);
});

t.test('a step that this program does not know leaves the operation stuck with the way out', async (t) => {
  const lab = await openJournal(t);
  const { id, operation } = await runTo(lab, ['one', 'from-the-future'], { executors: table(lab, {}) });
  t.match(operation(), {
    state: 'stuck',
    error: {
      message: /does not know the step "from-the-future"/,
      next: /Start the Onstead version that began/,
    },
  });
  const wiser = runnerOn(lab, {
    executors: { ...table(lab, {}), 'from-the-future': effectIn(lab.folder, 'from-the-future') },
  });
  wiser.resumeStuck(id);
  await wiser.finished(id);
  t.equal(operation().state, 'done');
});

t.test('starting one operation twice runs it once', async (t) => {
  const lab = await openJournal(t);
  const runner = runnerOn(lab, { executors: table(lab, {}) });
  const { id } = lab.journal.create(operationOf('one'));
  runner.start(id);
  runner.start(id);
  await runner.finished(id);
  t.strictSame(await callsIn(lab.folder), ['apply one']);
});

t.test('progress and notes of a step reach whoever listens', async (t) => {
  const lab = await openJournal(t);
  const heard: unknown[] = [];
  lab.journal.listen(({ type, step, text, progress }) => {
    if (type === 'note' || type === 'progress') heard.push([step, text ?? progress]);
  });
  const apply: Executor<EffectInput>['apply'] = async (_input, { progress, note }) => {
    progress({ done: 1, total: 2, unit: 'items' });
    note('half way');
  };
  await runTo(lab, ['one', 'two'], { executors: table(lab, { two: { apply } }) });
  t.strictSame(heard, [
    [2, { done: 1, total: 2, unit: 'items' }],
    [2, 'half way'],
  ]);
});

t.test(
  'a person turns an operation round: what runs is broken off, and all of it is taken back',
  async (t) => {
    const lab = await openJournal(t);
    const { journal } = lab;
    const said: string[] = [];
    const begun = Promise.withResolvers<void>();
    const untilAborted: AnyExecutor = {
      apply: (_input, { signal }) =>
        new Promise((_, reject) => {
          begun.resolve();
          signal.addEventListener('abort', () => reject(new Error('broken off')));
        }),
      undo: async (_input, { signal }) => {
        signal.throwIfAborted();
        said.push('undo waits');
      },
    };
    const one: AnyExecutor = {
      apply: async () => void said.push('one'),
      undo: async () => void said.push('undo one'),
    };
    const runner = runnerOn(lab, { executors: { one, waits: untilAborted, two: one } });
    const { id } = journal.create(operationOf('one', 'waits', 'two'));
    runner.start(id);
    await begun.promise;
    runner.halt(id);
    t.equal(journal.get(id).state, 'rolling-back', 'at once, so that a daemon killed now goes back too');
    t.throws(() => runner.halt(id), { code: 'operation.not-running' }, 'a second time');
    await runner.finished(id);
    t.match(journal.get(id), { state: 'rolled-back', error: { code: 'operation.halted' } });
    t.strictSame(said, ['one', 'undo waits', 'undo one']);
    t.strictSame(
      journal.get(id).steps.map(({ state }) => state),
      ['undone', 'undone', 'pending'],
    );
    t.throws(() => runner.halt(id), { code: 'operation.not-running' }, 'when it is over');
  },
);

t.test('an operation that is turned round while a step ends well goes back all the same', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const { id } = journal.create(operationOf('last'));
  const runner = runnerOn(lab, {
    executors: { last: { apply: async () => runner.halt(id), undo: async () => {} } },
  });
  runner.start(id);
  await runner.finished(id);
  t.match(journal.get(id), { state: 'rolled-back', steps: [{ state: 'undone' }] });
});

t.test('a step that waits for the engine does not wait on when it is turned round', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const { id } = journal.create(operationOf('away'));
  let tries = 0;
  const runner = runnerOn(lab, {
    isWorthWaiting: () => true,
    waitLimitMs: Infinity,
    executors: {
      away: {
        apply: async () => {
          tries += 1;
          if (tries === 3) runner.halt(id);
          throw new Error('the engine is away');
        },
      },
    },
  });
  runner.start(id);
  await runner.finished(id);
  t.equal(journal.get(id).state, 'rolled-back');
  t.equal(tries, 3);
});
