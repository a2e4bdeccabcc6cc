// Takes a service from one state of its two sides to another. What is missing is started, ready and tried before traffic
// moves, and what is too many leaves after it has. Begun again at any point it does what is left to do.

import { OnsteadError } from '../../base/errors.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import { drainEdge, steerEdge } from '../../stack/index.ts';
import type { DeployTools } from '../tools.ts';
import { edgeOf } from '../edge-of.ts';
import { putEdgeRight } from '../put-edge-right.ts';
import { watchDuring } from './gate/watch.ts';
import { keepLastWords } from './last-words.ts';
import { listedServers } from './listed.ts';
import { awaitStale, keepOldSide } from './old-side.ts';
import { tryUnasked } from './private-smoke.ts';
import { putStackBack } from './put-stack-back.ts';
import { ready, type Asked } from './ready.ts';
import { filesOf, isWell, sidesOf, type ReplicaSides, type Side } from './sides.ts';
import { wayBackTo, type Sides } from './strategy.ts';

export interface Exchange extends Asked {
  readonly before: Sides;
  readonly after: Sides;
  readonly drainMs: number;
}

export function exchangeStep(tools: DeployTools): Executor<Exchange> {
  return {
    async apply(input, context) {
      await putEdgeRight(tools); // where an engine that was away brought it here once more
      await keepOldSide(tools, input, context.operation);
      await converge(tools, input, { wanted: input.after, grows: ['fresh', 'stale'] }, context);
    },
    /** Traffic first: whoever of the old release still answers takes all of it before anything else is done. */
    async undo(input, context) {
      await putStackBack(tools, input.project, context.operation);
      const { stale } = await sidesOf(tools, input.project, input.service);
      if (stale.some(isRunning)) {
        await steer(tools, input, { fresh: [], stale: stale.filter(isRunning) }, 0, context.signal);
      }
      await removeEnded(tools, input, 'fresh', context);
      const { fresh } = await sidesOf(tools, input.project, input.service);
      const wanted = wayBackTo(input.before, fresh.filter(isRunning).length);
      await converge(tools, input, { wanted, grows: ['stale'] }, context);
    },
  };
}

interface Goal {
  readonly wanted: Sides;
  /** On the way back what is left of the new release is neither waited for nor started again. */
  readonly grows: readonly Side[];
}

async function converge(
  tools: DeployTools,
  input: Exchange,
  { wanted, grows }: Goal,
  context: StepContext,
): Promise<void> {
  for (const side of grows) await grow(tools, input, side, wanted[side], context);
  // Chosen once: whoever is listed at the edge is not among those that leave.
  const sides = await sidesOf(tools, input.project, input.service);
  const stay = {
    fresh: stayers(sides.fresh, wanted.fresh),
    stale: stayers(sides.stale, wanted.stale),
  };
  if (grows.includes('fresh')) await tryUnasked(tools, input, stay.fresh, context);
  await steer(tools, input, stay, wanted.freshShare, context.signal);
  await shrink(tools, input, 'stale', stay, context);
  await shrink(tools, input, 'fresh', stay, context);
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
  if (wanted === 0) return;
  const there = await sidesOf(tools, project, service);
  const missing = wanted - there[side].length;
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
  const ids = grown.map(({ id }) => id);
  if (side === 'stale') return awaitStale(tools, input, ids, context);
  await Promise.all(ids.map((id) => ready(tools, input, 'fresh', id, context.signal)));
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

function isRunning({ status }: { readonly status: string }): boolean {
  return status === 'running';
}

async function steer(
  tools: DeployTools,
  input: Exchange,
  stay: ReplicaSides,
  freshShare: Sides['freshShare'],
  signal: AbortSignal,
): Promise<void> {
  if (input.ready === null) return;
  const servers = listedServers(input, stay, freshShare);
  if (servers.length === 0) throw nobodyAnswers(input.service);
  await steerEdge(await edgeOf(tools), { kind: 'listed', servers }, signal);
}

/** As after an engine that came back without them. */
function nobodyAnswers(service: string): OnsteadError {
  return new OnsteadError('stack.no-address', `No replica of "${service}" has an address at the edge.`, {
    next: 'Look at the containers with `onstead services`.',
  });
}

/** Which of them stay where there are too many: those that are well, then those that came first. */
function stayers(all: ReplicaSides[Side], count: number): ReplicaSides[Side] {
  return all
    .filter(isRunning)
    .toSorted(
      (left, right) =>
        Number(isWell(right)) - Number(isWell(left)) || (left.number ?? 0) - (right.number ?? 0),
    )
    .slice(0, count);
}

async function shrink(
  tools: DeployTools,
  input: Exchange,
  side: Side,
  stay: ReplicaSides,
  context: StepContext,
): Promise<void> {
  const { [side]: all } = await sidesOf(tools, input.project, input.service);
  const staying = new Set(stay[side].map(({ id }) => id));
  const leave = all.filter(({ id }) => !staying.has(id));
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
