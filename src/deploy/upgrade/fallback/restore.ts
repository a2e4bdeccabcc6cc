// The data of a point takes the place of the data of now: each database in a new volume, then the objects. Requests wait
// at the edge meanwhile, and whoever writes is not there. What does not succeed is taken back before anybody is let on.

import { messageOf } from '../../../base/errors.ts';
import { isRetryable } from '../../../engine/index.ts';
import type { StepContext } from '../../../journal/index.ts';
import { applySinceCopy, holdRequests, restoreObjects } from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import { volumeNameOf, type Volumes } from '../../current-volumes.ts';
import { readDataFact, writeDataFact, type Moment, type Restored } from '../../facts.ts';
import { requirePointData, type PointData } from '../../point-data.ts';
import { accessTo } from '../../steps/data-steps.ts';
import { healthyContainer, type DeployTools } from '../../tools.ts';
import { putStackBack } from '../put-stack-back.ts';
import { fillVolumes, isMoved, moveTo } from './data-volumes.ts';
import { readMoment } from './moment.ts';
import { forgetNewerAside, setMeanwhileAside } from './set-aside.ts';
import { bringWritersBack, sendWritersAway, type Writers } from './writers.ts';

export interface RestoreData extends Writers {
  readonly point: string;
}

/** What else is done while requests wait. */
export interface Beside {
  /** The last while the data of before is still there, exactly as this operation found it. */
  before?(restored: Restored): Promise<void>;
  /** The first with the data of then: if it throws, the data of before is put in place again. */
  tryOut?(): Promise<void>;
}

/** Longer than a restore of an ordinary size; after it requests meet whatever is there. */
export const HOLD_LIMIT_MS = 2 * 60_000;
/** Where nobody is held. */
const HEALTHY_WITHIN_MS = 5 * 60_000;
const LEAST_MS = 20_000;

/**
 * The edge goes by the service's name: the replicas that come back have other addresses. May be begun again after a kill
 * at any moment.
 */
export async function restorePoint(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  beside: Beside = {},
): Promise<string> {
  const volumes = await beginRestore(tools, input, context);
  return whileHeld(tools, context, (heldUntilMs) =>
    restoreHeld(tools, input, context, { ...beside, volumes, heldUntilMs }),
  );
}

/** The same where requests are held already, until then, and the edge goes by names. */
export async function restoreNow(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  { heldUntilMs, ...beside }: Beside & { readonly heldUntilMs: number },
): Promise<string> {
  const volumes = await beginRestore(tools, input, context);
  return restoreHeld(tools, input, context, { ...beside, volumes, heldUntilMs });
}

export async function whileHeld<T>(
  tools: DeployTools,
  { signal }: StepContext,
  work: (heldUntilMs: number) => Promise<T>,
): Promise<T> {
  return holdRequests(await edgeOf(tools), { limitMs: HOLD_LIMIT_MS, signal }, work);
}

/** From its return on this operation has begun to restore, and nothing else may go on with the data of now. */
async function beginRestore(tools: DeployTools, input: RestoreData, context: StepContext): Promise<Volumes> {
  const { journal } = tools;
  const { project } = input;
  const data = await requirePointData(tools, input.point);
  const restored = ownRestored(tools, project, context);
  const before =
    restored?.before ??
    Object.fromEntries(data.databases.map(({ key }) => [key, volumeNameOf(journal, project, key)]));
  if (restored === undefined) {
    writeDataFact(journal, project, 'restored', { operation: context.operation, before });
  }
  return fillVolumes(tools, input, data, context);
}

/** Undefined where another operation restored last. */
export function ownRestored(
  { journal }: DeployTools,
  project: string,
  { operation }: StepContext,
): Restored | undefined {
  const restored = readDataFact(journal, project, 'restored');
  return restored?.operation === operation ? restored : undefined;
}

interface Held extends Beside {
  readonly volumes: Volumes;
  /** On the monotonic clock. */
  readonly heldUntilMs: number;
}

async function restoreHeld(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  held: Held,
): Promise<string> {
  try {
    await sendWritersAway(tools, input);
    const said = await putInPlace(tools, input, context, held);
    await bringWritersBack(tools, input, context, patienceMs(tools, held));
    await held.tryOut?.();
    note(tools, input.project, { isOver: true });
    return said;
  } catch (error) {
    context.signal.throwIfAborted(); // it is taken up where it is
    if (isRetryable(error)) throw error; // and when that is back
    await turnBack(tools, input, context, error);
    throw error;
  }
}

/**
 * Whoever waits does not wait longer than requests do: then the data of before is put in place again, which answers.
 * What is slow to start on a busy machine has a moment all the same.
 */
export function patienceMs(
  { clock }: Pick<DeployTools, 'clock'>,
  { heldUntilMs }: { readonly heldUntilMs: number },
): number {
  return Math.min(HEALTHY_WITHIN_MS, Math.max(LEAST_MS, heldUntilMs - clock.monotonicMs()));
}

async function putInPlace(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  held: Held,
): Promise<string> {
  const { project, point } = input;
  const { volumes } = held;
  const data = await requirePointData(tools, point);
  await endTurn(tools, input, context, data);
  // Once all of it was restored people have written to it: done again, that would be lost.
  const { done, hasObjects } = ownRestored(tools, project, context)!;
  if (done !== undefined) return 'restored before';
  if (hasObjects !== true && !isMoved(tools, project, volumes)) {
    const restored = note(tools, project, { held: await readMoment(tools, project, data, context.signal) });
    await held.before?.(restored);
  }
  await moveTo(tools, project, data, volumes, context, patienceMs(tools, held));
  await putAfterCopy(tools, input, data, context);
  note(tools, project, { hasObjects: true });
  const objects = await restoreStores(tools, project, data.stores, context);
  note(tools, project, { done: await readMoment(tools, project, data, context.signal) });
  return `${data.databases.length} databases restored, ${objects} objects put back`;
}

/** What was being taken back is taken back to its end, before it is tried once more. */
async function endTurn(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  data: PointData,
): Promise<void> {
  const { project } = input;
  const { operation, before, isTurning } = ownRestored(tools, project, context)!; // it has begun
  if (isTurning !== true) return;
  await putBefore(tools, input, context, data);
  writeDataFact(tools.journal, project, 'restored', { operation, before });
}

/** Whoever writes comes back to the data of before, also where not all of it can be put in place. */
async function turnBack(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
  error: unknown,
): Promise<void> {
  context.note(`This did not succeed, so the data of before is put in place again: ${messageOf(error)}`);
  try {
    await goBackToBefore(tools, input, context);
  } catch (cause) {
    context.note(`That did not succeed either: ${messageOf(cause)}`);
  }
}

/** The stack's files, the data and whoever writes, as this operation found them. Requests wait. */
export async function goBackToBefore(
  tools: DeployTools,
  input: RestoreData,
  context: StepContext,
): Promise<void> {
  await putStackBack(tools, input.project, context.operation);
  await sendWritersAway(tools, input);
  try {
    await putBefore(tools, input, context, await requirePointData(tools, input.point));
  } finally {
    await bringWritersBack(tools, input, context);
  }
  if (ownRestored(tools, input.project, context) !== undefined) note(tools, input.project, { isHome: true });
}

/** Nobody writes. What people wrote to the data of then is counted and kept first. */
async function putBefore(
  tools: DeployTools,
  { project }: RestoreData,
  context: StepContext,
  data: PointData,
): Promise<void> {
  const restored = ownRestored(tools, project, context);
  if (restored === undefined || restored.isBack === true) return;
  note(tools, project, { isTurning: true });
  const { before, done, held, hasObjects } = restored;
  await forgetNewerAside(tools, context.operation);
  if (done !== undefined && !isMoved(tools, project, before)) {
    await setMeanwhileAside(tools, { project, data, done }, context);
  }
  await moveTo(tools, project, data, before, context);
  if (hasObjects === true) await restoreStores(tools, project, held?.stores ?? [], context);
  note(tools, project, { isBack: true });
}

function note({ journal }: Pick<DeployTools, 'journal'>, project: string, more: Partial<Restored>): Restored {
  const restored = { ...readDataFact(journal, project, 'restored')!, ...more }; // written as it began
  writeDataFact(journal, project, 'restored', restored);
  return restored;
}

/** What was written between the copy and the moment that the way leads back to. */
async function putAfterCopy(
  tools: DeployTools,
  { project, point }: RestoreData,
  { databases }: PointData,
  { signal }: StepContext,
): Promise<void> {
  const engine = await tools.engine();
  for (const { service, gtids } of databases) {
    if (gtids === undefined) continue;
    const container = await healthyContainer(tools, project, service, signal);
    await applySinceCopy({ engine, project, point, service, container, signal }, gtids);
  }
}

async function restoreStores(
  tools: DeployTools,
  project: string,
  stores: Moment['stores'],
  { signal }: StepContext,
): Promise<number> {
  let count = 0;
  for (const { service, cut } of stores) {
    const container = await healthyContainer(tools, project, service, signal);
    count += await restoreObjects(await accessTo(tools, container), cut, signal);
  }
  return count;
}
