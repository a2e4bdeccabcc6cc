// What may go on beside what: one operation a lane, each carried on by itself.

import t from 'tap';
import { laneOf } from '../../../src/journal/index.ts';
import { openJournal, operationOf, runnerOn, type JournalLab } from './lab.ts';
import { table } from './trial.ts';

const begun = ({ journal }: Pick<JournalLab, 'journal'>, kind: string, more: { borrows?: true } = {}) =>
  journal.create({ ...operationOf('one'), kind, title: `A ${kind}`, ...more });

t.test('what copies the data goes on beside what changes the stack, whatever state that is in', async (t) => {
  for (const state of ['planned', 'running', 'verifying', 'rolling-back', 'stuck'] as const) {
    const lab = await openJournal(t);
    const { journal } = lab;
    const upgrade = begun(lab, 'upgrade');
    if (state !== 'planned') journal.move(upgrade.id, 'running');
    if (state !== 'planned' && state !== 'running') journal.move(upgrade.id, state);
    const backup = begun(lab, 'backup');
    t.strictSame(
      journal.unfinished().map(({ id, lane }) => [id, lane]),
      [
        [upgrade.id, 'stack'],
        [backup.id, 'copy'],
      ],
      'what changes the stack comes first',
    );
    t.strictSame(
      journal.unfinished('copy').map(({ id }) => id),
      [backup.id],
    );
    t.strictSame(
      journal.unfinished('stack').map(({ id }) => id),
      [upgrade.id],
    );
  }
});

t.test('and the other way round, also beside a copy that is stuck', async (t) => {
  const lab = await openJournal(t);
  const backup = begun(lab, 'backup');
  lab.journal.move(backup.id, 'stuck');
  t.ok(begun(lab, 'upgrade').id);
});

t.test('a second one in the same lane is refused, and which one is under way is said', async (t) => {
  const lab = await openJournal(t);
  const backup = begun(lab, 'backup');
  const upgrade = begun(lab, 'upgrade');
  t.throws(() => begun(lab, 'backup'), {
    code: 'operation.busy',
    message: `"A backup" (${backup.id}) is running; only one copy of the data at a time is made.`,
  });
  t.throws(() => begun(lab, 'rollback'), {
    code: 'operation.busy',
    message: `"A upgrade" (${upgrade.id}) is running; only one change at a time is made.`,
  });
  lab.journal.move(backup.id, 'stuck');
  t.throws(() => begun(lab, 'drill'), { code: 'operation.busy', message: /A upgrade/ });
  lab.journal.move(upgrade.id, 'stuck');
  t.throws(() => begun(lab, 'backup'), { code: 'operation.stuck', message: /A backup.* is stuck/ });
  t.equal(lab.journal.list().length, 2);
});

t.test(
  'what is tried in a stack of its own waits for a change that may have borrowed its memory',
  async (t) => {
    for (const kind of ['rehearsal', 'drill']) {
      const lab = await openJournal(t);
      const upgrade = begun(lab, 'upgrade');
      t.throws(() => begun(lab, kind), { code: 'operation.busy', message: /A upgrade/ });
      lab.journal.move(upgrade.id, 'running');
      lab.journal.move(upgrade.id, 'done');
      const tried = begun(lab, kind);
      t.throws(() => begun(lab, 'upgrade', { borrows: true }), {
        code: 'operation.busy',
        message: new RegExp(tried.id),
      });
      t.ok(begun(lab, 'upgrade').id, 'one that borrows nothing goes on beside it');
    }
    const lab = await openJournal(t);
    begun(lab, 'backup');
    t.ok(begun(lab, 'upgrade', { borrows: true }).id, 'a backup works with none of that memory');
  },
);

t.test('a plan is stale after another change, and not after a copy', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const basis = begun(lab, 'install').id;
  journal.move(basis, 'running');
  journal.move(basis, 'done');
  const backup = begun(lab, 'backup').id;
  t.equal(journal.newestId(), basis);
  const next = journal.create({ ...operationOf('one'), kind: 'upgrade', basis });
  journal.move(next.id, 'running');
  journal.move(next.id, 'done');
  t.throws(() => journal.create({ ...operationOf('one'), kind: 'upgrade', basis }), {
    code: 'operation.stale',
  });
  t.equal(journal.get(backup).lane, 'copy');
});

t.test('a kind that the table does not know may change anything', async (t) => {
  t.equal(laneOf('something new'), 'stack');
});

t.test('at its start a daemon goes on with both at once, and neither waits for the other', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const upgrade = begun(lab, 'upgrade').id;
  const backup = begun(lab, 'backup').id;
  for (const id of [upgrade, backup]) {
    journal.move(id, 'running');
    journal.attempt(id, 1, 'running');
  }
  const met = Promise.withResolvers<void>();
  let there = 0;
  // Each ends only when the other has begun.
  const apply = async (): Promise<void> => {
    there += 1;
    if (there === 2) met.resolve();
    await met.promise;
  };
  const runner = runnerOn(lab, { executors: table(lab, { one: { holds: async () => false, apply } }) });
  t.strictSame(runner.resumeAll(), [upgrade, backup]);
  await Promise.all([runner.finished(upgrade), runner.finished(backup)]);
  t.equal(journal.get(upgrade).state, 'done');
  t.equal(journal.get(backup).state, 'done');
});

t.test('one that is stuck is left alone while the other is taken up', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  journal.move(begun(lab, 'upgrade').id, 'stuck');
  const backup = begun(lab, 'backup').id;
  const runner = runnerOn(lab, { executors: table(lab, {}) });
  t.strictSame(runner.resumeAll(), [backup]);
  await runner.finished(backup);
  t.equal(journal.get(backup).state, 'done');
});

t.test('halting one leaves the other as it is', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const upgrade = begun(lab, 'upgrade').id;
  const backup = begun(lab, 'backup').id;
  const apply = async (
    _input: unknown,
    { operation, signal }: { operation: string; signal: AbortSignal },
  ) => {
    if (operation === backup) return t.notOk(signal.aborted) && undefined;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return undefined;
  };
  const runner = runnerOn(lab, {
    executors: table(lab, { one: { holds: async () => false, apply: apply as never } }),
  });
  runner.start(upgrade);
  await new Promise((resolve) => setTimeout(resolve, 20));
  runner.halt(upgrade);
  runner.start(backup);
  await Promise.all([runner.finished(upgrade), runner.finished(backup)]);
  t.equal(journal.get(upgrade).state, 'rolled-back');
  t.equal(journal.get(backup).state, 'done');
});

t.test('however many copies were made since, what is not over and what was rehearsed is found', async (t) => {
  const lab = await openJournal(t);
  const { journal } = lab;
  const over = (id: string): void => {
    journal.move(id, 'running');
    journal.move(id, 'done');
  };
  const rehearsal = begun(lab, 'rehearsal').id;
  over(rehearsal);
  const upgrade = begun(lab, 'upgrade').id;
  journal.move(upgrade, 'stuck');
  const backups = Array.from({ length: 60 }, () => {
    const { id } = begun(lab, 'backup');
    over(id);
    return id;
  });
  const listed = journal.list().map(({ id }) => id);
  t.strictSame(listed, [...backups.slice(-50).toReversed(), upgrade]);
  t.strictSame(
    journal.listOf('rehearsal').map(({ id }) => id),
    [rehearsal],
  );
});
