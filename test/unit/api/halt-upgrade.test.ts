// `onstead rollback` while the upgrade is still under way turns that upgrade round.

import t from 'tap';
import { beginRollback } from '../../../src/api/begin-rollback.ts';
import { haltUpgrade, untilTidied, upgradeUnderWay } from '../../../src/api/halt-upgrade.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import type { Runner } from '../../../src/journal/index.ts';
import { openJournal, type JournalLab } from '../journal/lab.ts';

const steps = ['preflight', 'switch', 'keep-warm', 'exchange', 'judge'].map((type) => ({
  ...{ type, title: `Do ${type}`, input: {} },
  ...(type === 'preflight' ? { looks: true as const } : {}),
}));

async function underWay(t: Parameters<typeof openJournal>[0], kind = 'upgrade') {
  const { journal }: JournalLab = await openJournal(t);
  journal.setFact('installed', { product: 'notes', title: 'Notes', version: '1.0.0' });
  const tools = { journal } as DeployTools;
  const { id } = journal.create({ kind, title: 'Upgrade Notes', input: {}, steps });
  journal.move(id, 'running');
  for (const n of [1, 2, 3]) journal.settle(id, n, 'done');
  journal.attempt(id, 4, 'running');
  const halted: string[] = [];
  const runner = { halt: (one: string) => void halted.push(one) } as unknown as Runner;
  return { journal, tools, id, halted, runner };
}

t.test('the plan says what is taken back, the newest first, and nothing is done', async (t) => {
  const { tools, runner, halted } = await underWay(t);
  const { plan, operation } = haltUpgrade(tools, runner, upgradeUnderWay(tools)!, true);
  t.strictSame(
    plan.steps.map(({ title }) => title),
    ['Take back: Do exchange', 'Take back: Do switch'],
  );
  t.match(plan.warnings, [/^"Upgrade Notes" \(upgrade-.*\) is under way: it is halted and taken back/]);
  t.equal(operation, undefined);
  t.strictSame(halted, []);
});

t.test('a migration that cannot be taken back is told of, once it has begun', async (t) => {
  for (const [input, told] of [
    [{}, 2],
    [{ back: { down: [], status: [] } }, 1],
  ] as const) {
    const { journal } = await openJournal(t);
    journal.setFact('installed', { product: 'notes', title: 'Notes', version: '1.0.0' });
    const tools = { journal } as DeployTools;
    const { id } = journal.create({
      ...{ kind: 'upgrade', title: 'Upgrade Notes', input: {} },
      steps: [{ type: 'migrate', title: 'Migrate', input }],
    });
    const warnings = () => haltUpgrade(tools, {} as Runner, upgradeUnderWay(tools)!, true).plan.warnings;
    journal.move(id, 'running');
    t.equal(warnings().length, 1, 'not begun');
    journal.attempt(id, 1, 'running');
    t.equal(warnings().length, told);
  }
});

t.test('then it is halted once, and whoever asks again follows it back', async (t) => {
  const { journal, tools, id, halted, runner } = await underWay(t);
  t.match(haltUpgrade(tools, runner, upgradeUnderWay(tools)!, false), { operation: id, halts: true });
  journal.move(id, 'rolling-back');
  t.match(haltUpgrade(tools, runner, upgradeUnderWay(tools)!, false), { operation: id, halts: true });
  t.strictSame(halted, [id]);
});

t.test('what is stuck, over or no upgrade is left to others', async (t) => {
  t.equal(upgradeUnderWay((await underWay(t, 'install')).tools), undefined);
  for (const state of ['stuck', 'done'] as const) {
    const { journal, tools, id } = await underWay(t);
    journal.move(id, state);
    t.equal(upgradeUnderWay(tools), undefined, state);
  }
});

const ending = ['commit-upgrade', 'tidy'].map((type) => ({ type, title: `Do ${type}`, input: {} }));

async function recorded(t: Parameters<typeof openJournal>[0]) {
  const { journal } = await openJournal(t);
  const clock = { sleep: () => new Promise<void>(() => {}) }; // it is not the clock that ends the wait
  const { id } = journal.create({ kind: 'upgrade', title: 'Upgrade Notes', input: {}, steps: ending });
  journal.move(id, 'running');
  journal.attempt(id, 1, 'running');
  return { journal, id, tools: { journal, clock } as unknown as DeployTools };
}

t.test('an upgrade that is recorded is not halted but waited for', async (t) => {
  const { journal, id, tools } = await recorded(t);
  t.equal(upgradeUnderWay(tools)?.id, id, 'until then it is');
  journal.settle(id, 1, 'done');
  t.equal(upgradeUnderWay(tools), undefined);
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked: string[] = [];
  const runner = { finished: (one: string) => (asked.push(one), promise) } as unknown as Runner;
  let isOver = false;
  const waiting = untilTidied(tools, runner, new AbortController().signal).then(() => (isOver = true));
  await new Promise(setImmediate);
  t.equal(isOver, false);
  resolve();
  await waiting;
  t.strictSame(asked, [id]);
});

t.test('one that was recorded and goes back is followed back', async (t) => {
  const { journal, id, tools } = await recorded(t);
  journal.settle(id, 1, 'done');
  journal.move(id, 'rolling-back');
  t.equal(upgradeUnderWay(tools)?.id, id);
});

const signal = new AbortController().signal;
const keep = { data: 'keep', dryRun: false } as const;

t.test('with a stuck upgrade a rollback is refused, and the ways out are named', async (t) => {
  const { journal, tools, id, runner } = await underWay(t);
  journal.move(id, 'stuck');
  for (const dryRun of [true, false]) {
    await t.rejects(beginRollback(tools, runner, { ...keep, dryRun }, signal), {
      code: 'operation.stuck',
      next: new RegExp(`operations resume ${id}.* or .*operations abandon ${id}`),
    });
  }
});

t.test('an upgrade under way is halted only where it is the one that is meant', async (t) => {
  const { tools, id, halted, runner } = await underWay(t);
  const to = 'upgrade-other';
  await t.rejects(beginRollback(tools, runner, { ...keep, to }, signal), { code: 'operation.busy' });
  t.strictSame(halted, []);
  t.match(await beginRollback(tools, runner, { ...keep, to: id }, signal), { operation: id, halts: true });
});

t.test('whoever gives the command again follows the rollback that they began', async (t) => {
  const { journal } = await openJournal(t);
  const installed = { product: 'notes', title: 'Notes', version: '1.0.0' };
  const { id } = journal.create({
    ...{ kind: 'rollback', title: 'Roll back Notes', input: { point: 'upgrade-1', data: 'keep' } },
    steps: [{ type: 'commit-upgrade', title: 'Record', input: { installed } }],
  });
  journal.move(id, 'running');
  const tools = { journal } as DeployTools;
  const again = (change: object) => beginRollback(tools, {} as Runner, { ...keep, ...change }, signal);
  t.match(await again({}), { operation: id, plan: { version: '1.0.0' } });
  t.match(await again({ to: 'upgrade-1' }), { operation: id });
  await t.rejects(again({ data: 'restore' }), { code: 'operation.busy' });
  await t.rejects(again({ dryRun: true }), { code: 'operation.busy' });
});
