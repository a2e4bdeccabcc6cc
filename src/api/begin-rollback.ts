// A rollback as it is asked for: an upgrade under way is turned round, one that only clears away is waited for, and what
// cannot be counted needs a word of its own.

import { OnsteadError } from '../base/errors.ts';
import { lossInWords, prepareRollback, type DeployTools, type PreparedRollback } from '../deploy/index.ts';
import type { Runner } from '../journal/index.ts';
import type { Begun, RollbackRequest } from './appliance.ts';
import { haltUpgrade, untilTidied, upgradeUnderWay } from './halt-upgrade.ts';
import type { PlanAnswer } from './schemas.ts';

export async function beginRollback(
  tools: DeployTools,
  runner: Runner,
  request: RollbackRequest,
  signal: AbortSignal,
): Promise<Begun> {
  const { to, data, dryRun, uncounted } = request;
  const { journal } = tools;
  await untilTidied(tools, runner, signal);
  const upgrade = upgradeUnderWay(tools);
  if (upgrade !== undefined && (to === undefined || to === upgrade.id)) {
    return haltUpgrade(tools, runner, upgrade, dryRun);
  }
  const joined = dryRun ? undefined : sameUnderWay(tools, request);
  if (joined !== undefined) return joined;
  // One that is stuck has to be settled first; the error names the ways.
  journal.refuseBusy({ kind: 'rollback' });
  const prepared = await prepareRollback(tools, { data, signal, ...(to === undefined ? {} : { to }) });
  const plan = planOf(prepared);
  if (dryRun) return { plan };
  if (uncounted !== true) refuseUncounted(prepared);
  signal.throwIfAborted(); // whoever asked has left
  const { id } = journal.create(prepared);
  runner.start(id);
  return { plan, operation: id };
}

/** Whoever gives the command again follows the rollback that they began. */
function sameUnderWay({ journal }: DeployTools, { to, data }: RollbackRequest): Begun | undefined {
  const own = journal
    .unfinished()
    .find(({ kind, state }) => kind === 'rollback' && state !== 'stuck' && state !== 'rolling-back');
  if (own === undefined) return undefined;
  const input = journal.input(own.id) as { point: string; data: string };
  if (input.data !== data || (to !== undefined && to !== input.point)) return undefined;
  const [commit] = journal
    .steps(own.id)
    .flatMap(({ type, input: of }) => (type === 'commit-upgrade' ? [of] : []));
  const { product, title, version } = (commit as { installed: PlanAnswer }).installed;
  const steps = own.steps.map((step) => ({ type: step.type, title: step.title }));
  const warnings = [`It is under way (${own.id}).`];
  return { plan: { product, title, version, permissions: [], warnings, steps }, operation: own.id };
}

function planOf({ target, steps, loss, preview, uncopied, down }: PreparedRollback): PlanAnswer {
  const { product, title, version, permissions } = target.release;
  const { data } = target;
  const own =
    preview.migrations.length === 0
      ? []
      : ['What is only in columns or tables that the migrations made goes with them.'];
  const unkept =
    uncopied.length === 0
      ? []
      : [
          `Where ${uncopied.join(' and ')} does not come up, nothing of its data of now is kept: then this rollback cannot be undone with it.`,
        ];
  return {
    ...{ product, title, version, permissions: [...permissions] },
    warnings: [...down, ...lossInWords(loss, data, uncopied), ...own, ...unkept],
    steps: steps.map((step) => ({ type: step.type, title: step.title })),
    rollback: preview,
  };
}

function refuseUncounted({ uncounted, uncopied }: PreparedRollback): void {
  if (uncounted.length === 0) return;
  const unkept = uncopied.length === 0 ? '' : ', and may not be kept';
  throw new OnsteadError(
    'release.uncounted',
    `${uncounted.join(' and ')} cannot be asked, so that what was written since cannot be counted${unkept}.`,
    { next: 'Bring it up (`onstead status`) and try again; or go back all the same: add --uncounted.' },
  );
}
