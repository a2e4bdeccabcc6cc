// A migration of an upgrade, with the data of its beginning to fall back on. One that cannot be taken back runs while
// requests wait: if it fails, nothing was written that going back could lose.

import { isOnsteadError, messageOf, OnsteadError } from '../../../base/errors.ts';
import type { Executor, StepContext } from '../../../journal/index.ts';
import type { Release } from '../../../release/index.ts';
import {
  edgeAppOf,
  holdRequests,
  readStack,
  releaseOf,
  settleEdge,
  steerEdge,
  type Edge,
} from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import type { Restored } from '../../facts.ts';
import type { InstallSteps } from '../../install-plan.ts';
import { keepPointMoment, readPointData } from '../../point-data.ts';
import { countAsOwn, wasMigrationBegun, type AtPoint } from '../../point-loss.ts';
import { pointStack } from '../../points.ts';
import { migrateStep } from '../../steps/migrate-step.ts';
import type { DeployTools } from '../../tools.ts';
import { runningServers } from '../edge-servers.ts';
import { putStackBack } from '../put-stack-back.ts';
import { requireRoomToRestore } from './data-volumes.ts';
import { HOLD_LIMIT_MS, ownRestored, restoreNow, restorePoint, type RestoreData } from './restore.ts';
import { setNewerAside } from './set-aside.ts';

type Migration = InstallSteps['migrate'];

export function guardedMigrateStep(tools: DeployTools): Executor<Migration> {
  const vendors = migrateStep(tools);
  return {
    async apply(input, context) {
      // An installation keeps no point: there is nothing yet that could be lost.
      if ((await readPointData(tools, context.operation)) === undefined) return vendors.apply(input, context);
      if (hasBegunToRestore(tools, input, context)) throw interrupted();
      if (input.back === undefined) return migrateAlone(tools, input, context, vendors);
      const at = atPoint(input, context);
      await keepPointMoment(tools, at);
      const { service } = input;
      return countAsOwn(tools, { ...at, service, isAlone: () => false }, () => vendors.apply(input, context));
    },
    async undo(input, context) {
      if (!(await needsRestore(tools, input, context, vendors))) return;
      if (restoredBy(tools, input, context)?.isOver === true) return;
      await putStackBack(tools, input.project, context.operation);
      const edge = await edgeOf(tools);
      await settleEdge(edge, await runningServers(tools, input.project, edge.app), context.signal);
      const restoration = await restorationOf(tools, input, context);
      await restorePoint(tools, restoration, context, {
        before: () => setNewerAside(tools, restoration, context),
      });
    },
  };
}

/** Requests wait from before the moment that the way back leads to until the migration, or its failure, is over. */
async function migrateAlone(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  vendors: Executor<Migration>,
): Promise<string | void> {
  const { signal } = context;
  const { project, service } = input;
  const at = atPoint(input, context);
  // If it fails there has to be room for the way back, and only now there is time to say that there is none.
  await requireRoomToRestore(tools, at);
  const before = await releaseBefore(tools, context.operation);
  // Its app is the one that answers now: the files may say another port already.
  const edge: Edge = { ...(await edgeOf(tools)), app: edgeAppOf(before) };
  // These write without anybody asking them through the edge.
  const others = before.services.some(({ role }) => role === 'worker' || role === 'carried');
  // Where it fails the replicas are others afterwards, with other addresses.
  await settleEdge(edge, await runningServers(tools, project, edge.app), signal);
  const said = await holdRequests(edge, { limitMs: HOLD_LIMIT_MS, signal }, async (untilMs) => {
    // Where no nginx runs nobody is held, and somebody may come when it is back.
    const heldUntilMs = Math.min(untilMs, tools.clock.monotonicMs() + HOLD_LIMIT_MS);
    const isHeld = (): boolean => tools.clock.monotonicMs() < heldUntilMs;
    const isAlone = (): boolean => isHeld() && !others;
    await keepPointMoment(tools, at);
    try {
      return await countAsOwn(tools, { ...at, service, isAlone }, () => vendors.apply(input, context));
    } catch (error) {
      if (isFailure(error) && isHeld()) await tryToRestore(tools, input, context, heldUntilMs);
      throw error;
    }
  });
  const servers = await runningServers(tools, project, edge.app);
  if (servers.length > 0) await steerEdge(edge, { kind: 'listed', servers }, signal);
  return said;
}

/** What does not work out here is done on the way back. */
async function tryToRestore(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  heldUntilMs: number,
): Promise<void> {
  try {
    await putStackBack(tools, input.project, context.operation);
    const restoration = await restorationOf(tools, input, context);
    await restoreNow(tools, restoration, context, {
      heldUntilMs,
      before: () => setNewerAside(tools, restoration, context),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    context.note(`The data of before could not be restored at once: ${messageOf(error)}`);
  }
}

/** True where only the data of before can take it back. */
async function needsRestore(
  tools: DeployTools,
  input: Migration,
  context: StepContext,
  vendors: Executor<Migration>,
): Promise<boolean> {
  if (hasBegunToRestore(tools, input, context)) return true;
  const { service } = input;
  const isBegun = await wasMigrationBegun(tools, { point: context.operation, service });
  try {
    await vendors.undo?.(input, context);
  } catch (error) {
    if (!isBegun || !isFailure(error)) throw error;
    context.note(`Taken back by the data of before, for its own way down failed: ${messageOf(error)}`);
    return true;
  }
  return isBegun && input.back === undefined;
}

function hasBegunToRestore(tools: DeployTools, input: Migration, context: StepContext): boolean {
  return restoredBy(tools, input, context) !== undefined;
}

function restoredBy(tools: DeployTools, { project }: Migration, context: StepContext): Restored | undefined {
  return ownRestored(tools, project, context);
}

function isFailure(error: unknown): boolean {
  return isOnsteadError(error, 'operation.migration-failed');
}

function atPoint({ project }: Migration, { operation, signal }: StepContext): AtPoint {
  return { project, point: operation, signal };
}

/** Those who write are of the release from before: newer ones came after the migration, and have left again. */
async function restorationOf(
  tools: DeployTools,
  { project }: Migration,
  { operation }: StepContext,
): Promise<RestoreData> {
  const { services } = await releaseBefore(tools, operation);
  const writers = services.filter(({ role }) => role === 'app' || role === 'worker').map(({ name }) => name);
  return { project, point: operation, writers };
}

async function releaseBefore(tools: DeployTools, operation: string): Promise<Release> {
  const folder = pointStack(tools, operation);
  return releaseOf(await readStack(folder), folder);
}

function interrupted(): OnsteadError {
  return new OnsteadError(
    'operation.migration-failed',
    'The migration failed, and the data of before was being restored when this was interrupted.',
    { next: 'Send the output of `onstead operations show` to the vendor.' },
  );
}
