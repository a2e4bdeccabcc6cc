// Takes a service from one state of its two sides to another. What is missing is started and ready before traffic
// moves, and what is too many leaves after it has. Begun again at any point it does what is left to do.

import { OnsteadError } from '../../base/errors.ts';
import { askWorker } from '../../base/worker.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import { drainEdge, edgeNetworkOf, settleEdge, steerEdge, type EdgeServer } from '../../stack/index.ts';
import type { ReadyAnswer, ReadyQuestion } from '../ready-question.ts';
import { placeOf, type DeployTools } from '../tools.ts';
import { edgeOf } from '../edge-of.ts';
import { keepLastWords } from './last-words.ts';
import { filesOf, sidesOf, type ReplicaSides, type Side } from './sides.ts';
import { wayBackTo, weightsFor, type Sides } from './strategy.ts';
import { watchDuring } from './gate/watch.ts';
import { putStackBack } from './put-stack-back.ts';

export interface Exchange {
  readonly project: string;
  readonly service: string;
  readonly before: Sides;
  readonly after: Sides;
  readonly drainMs: number;
  readonly readyWithinMs: number;
  /** Of the app behind the edge; null: nobody asks this service anything through the edge. */
  readonly ready: { readonly path: string; readonly port: number; readonly stalePort: number } | null;
}

export function exchangeStep(tools: DeployTools): Executor<Exchange> {
  return {
    async apply(input, context) {
      await converge(tools, input, input.after, context);
    },
    /** Traffic first: whoever of the old release still answers takes all of it before anything else is done. */
    async undo(input, context) {
      await putStackBack(tools, context.operation);
      const { stale } = await sidesOf(tools, input.project, input.service);
      if (stale.some(({ status }) => status === 'running')) {
        await steer(tools, input, { fresh: 0, stale: stale.length, freshShare: 0 }, context.signal);
      }
      await convergeBack(tools, input, context);
    },
  };
}

/** What is left of the new release is neither waited for nor started again. */
async function convergeBack(tools: DeployTools, input: Exchange, context: StepContext): Promise<void> {
  await removeEnded(tools, input, 'fresh', context);
  const { fresh } = await sidesOf(tools, input.project, input.service);
  const wanted = wayBackTo(input.before, fresh.filter(({ status }) => status === 'running').length);
  await grow(tools, input, 'stale', wanted.stale, context);
  await steer(tools, input, wanted, context.signal);
  await shrink(tools, input, 'stale', wanted.stale, context);
  await shrink(tools, input, 'fresh', wanted.fresh, context);
}

async function converge(
  tools: DeployTools,
  input: Exchange,
  wanted: Sides,
  context: StepContext,
): Promise<void> {
  await grow(tools, input, 'fresh', wanted.fresh, context);
  await grow(tools, input, 'stale', wanted.stale, context);
  await steer(tools, input, wanted, context.signal);
  await shrink(tools, input, 'stale', wanted.stale, context);
  await shrink(tools, input, 'fresh', wanted.fresh, context);
}

async function grow(
  tools: DeployTools,
  input: Exchange,
  side: Side,
  wanted: number,
  context: StepContext,
): Promise<void> {
  const { project, service } = input;
  await removeEnded(tools, input, side, context);
  const there = await sidesOf(tools, project, service);
  const missing = wanted - there[side].length;
  if (wanted === 0) return;
  if (missing > 0) {
    const total = there.fresh.length + there.stale.length + missing;
    const files = await filesOf(tools, side, context.operation);
    await files.up({
      services: [service],
      noDeps: true,
      noRecreate: true,
      scale: { [service]: total },
      signal: context.signal,
    });
  }
  const { [side]: grown } = await sidesOf(tools, project, service);
  await Promise.all(grown.map(({ id }) => ready(tools, input, side, id, context)));
}

/** One that ended would be started again by Compose instead of being replaced. */
async function removeEnded(
  tools: DeployTools,
  { project, service }: Exchange,
  side: Side,
  context: StepContext,
): Promise<void> {
  for (const { id, name } of (await sidesOf(tools, project, service))[side].filter(hasEnded)) {
    await keepLastWords(tools, id, name, context);
    await removeReplica(tools, id);
  }
}

function hasEnded({ status }: { readonly status: string }): boolean {
  return status === 'exited' || status === 'dead';
}

/** Alive by the engine's word and ready by its own; whichever fails first ends the other wait. */
async function ready(
  tools: DeployTools,
  input: Exchange,
  side: Side,
  id: string,
  { signal }: StepContext,
): Promise<void> {
  const engine = await tools.engine();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const alive = engine.containers.waitHealthy([id], { timeoutMs: input.readyWithinMs, signal: either });
  const answers = answersReady(tools, input, side, id, either);
  try {
    await Promise.all([alive, answers]);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled([alive, answers]);
    throw error;
  }
}

async function answersReady(
  tools: DeployTools,
  { ready: asked, readyWithinMs }: Exchange,
  side: Side,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  if (asked === null) return;
  const { path, port, stalePort } = asked;
  const { address, networkOfPid } = await placeOf(tools, id);
  const question: ReadyQuestion = {
    url: `http://${address}:${side === 'fresh' ? port : stalePort}${path}`,
    giveUpAfterMs: readyWithinMs,
  };
  const { isReady, last } = await askWorker<ReadyQuestion, ReadyAnswer>(
    import.meta.url,
    '../workers/ready-worker',
    question,
    { networkOfPid, signal, timeoutMs: readyWithinMs + 30_000 },
  );
  if (isReady) return;
  throw new OnsteadError(
    'operation.not-ready',
    `A replica did not say within ${readyWithinMs / 1000} s that it is ready: ${path} ${last}.`,
    { next: 'Nothing was switched to it. Send the output of `onstead operations show` to the vendor.' },
  );
}

async function steer(tools: DeployTools, input: Exchange, wanted: Sides, signal: AbortSignal): Promise<void> {
  if (input.ready === null) return;
  const sides = await sidesOf(tools, input.project, input.service);
  await steerEdge(
    await edgeOf(tools),
    { kind: 'listed', servers: await serversOf(tools, input, sides, wanted) },
    signal,
  );
}

async function serversOf(
  tools: DeployTools,
  { project, ready: answering }: Listed,
  sides: ReplicaSides,
  wanted: Sides,
): Promise<EdgeServer[]> {
  const weights = weightsFor(wanted);
  const network = edgeNetworkOf(project);
  const list = async (side: Side): Promise<EdgeServer[]> => {
    const port = side === 'fresh' ? answering!.port : answering!.stalePort;
    const asked = weights[side] === 0 ? [] : stayers(sides[side], wanted[side]);
    return Promise.all(
      asked.map(async ({ id }) => ({
        address: (await placeOf(tools, id, network)).address,
        port,
        weight: weights[side],
      })),
    );
  };
  return [...(await list('fresh')), ...(await list('stale'))];
}

/** Which of them stay where there are too many: always the same ones, whenever it is asked. */
function stayers<T extends { readonly number?: number; readonly status: string }>(
  all: readonly T[],
  count: number,
): readonly T[] {
  return all
    .filter(({ status }) => status === 'running')
    .toSorted((left, right) => (left.number ?? 0) - (right.number ?? 0))
    .slice(0, count);
}

async function shrink(
  tools: DeployTools,
  input: Exchange,
  side: Side,
  wanted: number,
  context: StepContext,
): Promise<void> {
  const { [side]: all } = await sidesOf(tools, input.project, input.service);
  const stay = new Set(stayers(all, wanted).map(({ id }) => id));
  const leave = all.filter(({ id }) => !stay.has(id));
  if (leave.length === 0) return;
  // Kept-alive connections may still bring a request to a replica that the edge does not name any more.
  if (input.ready !== null) await drain(tools, input, side, context);
  const engine = await tools.engine();
  // Each may take its time to end; together they take it once. Nothing goes on behind a step that failed.
  const left = await Promise.allSettled(
    leave.map(async ({ id, name }) => {
      await engine.containers.stop(id, {
        timeoutSeconds: Math.ceil(input.drainMs / 1000) + 5,
        signal: context.signal,
      });
      if (side === 'fresh') await keepLastWords(tools, id, name, context);
      await removeReplica(tools, id);
    }),
  );
  const failed = left.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** While the old ones are still there the way back is one reload: who takes their place is watched meanwhile. */
async function drain(tools: DeployTools, input: Exchange, side: Side, context: StepContext): Promise<void> {
  const edge = await edgeOf(tools);
  const work = (signal: AbortSignal): Promise<boolean> => drainEdge(edge, input.drainMs, signal);
  if (side === 'stale') await watchDuring(tools, input, context, work);
  else await work(context.signal);
}

async function removeReplica(tools: DeployTools, id: string): Promise<void> {
  await (await tools.engine()).containers.remove(id);
}

type Listed = Pick<Exchange, 'project' | 'service' | 'ready'>;

/**
 * From here on the edge names each replica that answers: by the service's name nginx would find the new ones as soon as
 * they run, ready or not.
 */
export function listStep(tools: DeployTools): Executor<Listed> {
  return {
    async apply(input, { signal }) {
      const servers = await serversOfAll(tools, input);
      if (servers.length > 0) await steerEdge(await edgeOf(tools), { kind: 'listed', servers }, signal);
    },
    async undo(input, { signal }) {
      await settleEdge(await edgeOf(tools), await serversOfAll(tools, input), signal);
    },
  };
}

/** The last of it: the edge goes by the service's name again, so that a replica which is restarted is found. */
export function settleStep(tools: DeployTools): Executor<Listed> {
  return {
    async apply(input, { signal }) {
      await settleEdge(await edgeOf(tools), await serversOfAll(tools, input), signal);
    },
  };
}

async function serversOfAll(tools: DeployTools, input: Listed): Promise<EdgeServer[]> {
  const sides = await sidesOf(tools, input.project, input.service);
  const [fresh, stale] = [sides.fresh.length, sides.stale.length];
  return serversOf(tools, input, sides, { fresh, stale, freshShare: null });
}
