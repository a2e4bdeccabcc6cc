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
    .find((one) => one.kind === 'upgrade' && !isOver(one.state) && one.state !== 'stuck' && !isRecorded(one));
}

/** What its way back needs is being cleared away: it is gone back over like any other, once that is done. */
function isRecorded({ state, steps }: OperationView): boolean {
  const commit = steps.find(({ type }) => type === 'commit-upgrade');
  return state !== 'rolling-back' && (commit?.state === 'done' || commit?.state === 'skipped');
}

const TIDIED_WITHIN_MS = 60_000;

/** Returns all the same after a minute: then something else says what goes on. */
export async function untilTidied(
  { journal, clock }: DeployTools,
  runner: Runner,
  signal: AbortSignal,
): Promise<void> {
  const recorded = journal.unfinished().find((one) => one.state !== 'stuck' && isRecorded(one));
  if (recorded === undefined) return;
  const over = new AbortController();
  const waiting = clock.sleep(TIDIED_WITHIN_MS, AbortSignal.any([signal, over.signal]));
  await Promise.race([runner.finished(recorded.id), waiting.catch(() => {})]);
  over.abort();
  signal.throwIfAborted();
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
/** They leave nothing that could be taken back. */
const TRACELESS = ['take-baseline', 'keep-warm'];

function planOf({ journal }: DeployTools, { id, title, steps }: OperationView): PlanAnswer {
  const { product, title: name, version } = readFact(journal, 'installed')!; // an upgrade begins with one
  const begun = steps.filter(
    ({ type, state, looks }) => BEGUN.includes(state) && !looks && !TRACELESS.includes(type),
  );
  return {
    ...{ product, title: name, version, permissions: [] },
    warnings: [
      `"${title}" (${id}) is under way: it is halted and taken back, traffic first.`,
      ...(hasMigratedOneWay(journal, id) ? [ONE_WAY] : []),
    ],
    steps: begun.toReversed().map((step) => ({ type: step.type, title: `Take back: ${step.title}` })),
  };
}
