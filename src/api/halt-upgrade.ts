// A rollback that is asked for while its upgrade is still under way: that upgrade is turned round. Traffic goes back
// first, as with every other cause.

import { readFact, type DeployTools } from '../deploy/index.ts';
import { isOver, type Journal, type OperationView, type Runner } from '../journal/index.ts';
import type { Begun } from './appliance.ts';
import type { PlanAnswer } from './schemas.ts';

/** An upgrade that goes forward, or goes back already; one that is stuck is settled by other words. */
export function upgradeUnderWay({ journal }: DeployTools): OperationView | undefined {
  return journal
    .unfinished()
    .find(({ kind, state }) => kind === 'upgrade' && !isOver(state) && state !== 'stuck');
}

export function haltUpgrade(
  tools: DeployTools,
  runner: Runner,
  upgrade: OperationView,
  dryRun: boolean,
): Begun {
  const plan = planOf(tools, upgrade);
  if (dryRun) return { plan };
  if (upgrade.state !== 'rolling-back') runner.halt(upgrade.id);
  return { plan, operation: upgrade.id, halts: true };
}

const ONE_WAY =
  'Its migration cannot be taken back by itself: the data of before it is put in place, and what people wrote since is counted, told and set aside.';

function hasMigratedOneWay(journal: Journal, id: string): boolean {
  return journal
    .steps(id)
    .some(
      ({ type, state, input }) =>
        type === 'migrate' && BEGUN.includes(state) && (input as { back?: object }).back === undefined,
    );
}

const BEGUN = ['running', 'done', 'failed'];

function planOf({ journal }: DeployTools, { id, title, steps }: OperationView): PlanAnswer {
  const { product, title: name, version } = readFact(journal, 'installed')!; // an upgrade begins with one
  const begun = steps.filter(({ state, looks }) => BEGUN.includes(state) && !looks);
  return {
    ...{ product, title: name, version, permissions: [] },
    warnings: [
      `"${title}" (${id}) is under way: it is halted and taken back, traffic first.`,
      ...(hasMigratedOneWay(journal, id) ? [ONE_WAY] : []),
    ],
    steps: begun.toReversed().map((step) => ({ type: step.type, title: `Take back: ${step.title}` })),
  };
}
