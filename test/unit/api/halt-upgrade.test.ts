// `onstead rollback` while the upgrade is still under way turns that upgrade round.

import t from 'tap';
import { haltUpgrade, upgradeUnderWay } from '../../../src/api/halt-upgrade.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import type { Runner } from '../../../src/journal/index.ts';
import { openJournal, type JournalLab } from '../journal/lab.ts';

const steps = ['preflight', 'switch', 'exchange', 'judge'].map((type) => ({
  ...{ type, title: `Do ${type}`, input: {} },
  ...(type === 'preflight' ? { looks: true as const } : {}),
}));

async function underWay(t: Parameters<typeof openJournal>[0], kind = 'upgrade') {
  const { journal }: JournalLab = await openJournal(t);
  journal.setFact('installed', { product: 'notes', title: 'Notes', version: '1.0.0' });
  const tools = { journal } as DeployTools;
  const { id } = journal.create({ kind, title: 'Upgrade Notes', input: {}, steps });
  journal.move(id, 'running');
  for (const n of [1, 2]) journal.settle(id, n, 'done');
  journal.attempt(id, 3, 'running');
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
