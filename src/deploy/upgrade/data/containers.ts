// The containers of a data service while it is replaced: ended in good order, started, waited for, and asked; and the
// app's replicas, which must do as well with the new one as they did with the old one.

import type { Clock } from '../../../base/clock.ts';
import { isOnsteadError, OnsteadError } from '../../../base/errors.ts';
import { askWorker } from '../../../base/worker.ts';
import { isRetryable, type ContainerFacts, type ContainerSummary } from '../../../engine/index.ts';
import { mayAnswer } from '../../../stack/index.ts';
import type { ReadyAnswer, ReadyQuestion } from '../../ready-question.ts';
import { containersOf, placeOf, type DeployTools } from '../../tools.ts';
import type { Job, ReplaceData } from './job.ts';
import { dataKinds, type Answering, type Asked, type DataKind } from './kinds.ts';
import { keepLastWords } from '../last-words.ts';

/** For one that says it is on its way, and for the old one, which nobody can take the place of. */
export const PATIENCE_MS = 30 * 60_000;
const READY_WITHIN_MS = 60_000;
const BETWEEN_MS = 150;
/** To look whether it listens yet costs nothing. */
const LOOKED_AGAIN_MS = 50;
/** People wait: longer than its first few lives, and no longer. */
const ENDS_AGAIN_WITHIN_MS = 3_000;

export function kindOfJob({ input }: Job): DataKind {
  return dataKinds[input.role];
}

export function containersOfJob({ tools, input }: Job): Promise<readonly ContainerSummary[]> {
  return containersOf(tools, input.project, input.service);
}

export function askedOf({ tools, input, context }: Job, container: string): Asked {
  return { tools, container, buckets: input.buckets, signal: context.signal };
}

/** By its own signal, with much time; where it was killed all the same, the answer is false. */
export async function endContainer(
  job: Job,
  id: string,
  timeoutSeconds = kindOfJob(job).endsWithinS,
): Promise<boolean> {
  const engine = await job.tools.engine();
  await engine.containers.stop(id, { timeoutSeconds, signal: job.context.signal });
  return (await engine.containers.inspect(id))?.exitCode !== 137;
}

export async function removeContainer({ tools }: Job, id: string): Promise<void> {
  await (await tools.engine()).containers.remove(id);
}

/** Made or started as the stack's files say; returns it when it answers. */
export async function raise(job: Job, withinMs: number): Promise<string> {
  const { tools, input, context } = job;
  const compose = await tools.compose();
  await compose.up({ services: [input.service], noDeps: true, signal: context.signal });
  job.stages.over('made');
  const [container] = await containersOfJob(job);
  if (container === undefined) throw doesNotStart(job, 'Compose made no container');
  await there(job, container, withinMs);
  job.stages.over('answers');
  return container.id;
}

async function there(job: Job, { id, name }: ContainerSummary, withinMs: number): Promise<void> {
  const { tools, context } = job;
  const engine = await tools.engine();
  const begunMs = tools.clock.monotonicMs();
  let patienceMs = withinMs;
  for (;;) {
    const facts = await engine.containers.inspect(id);
    const isTooLate = tools.clock.monotonicMs() - begunMs > patienceMs;
    if (hasEnded(facts) || isTooLate) {
      const end = hasEnded(facts)
        ? await endOf(facts, () => engine.containers.inspect(id), tools.clock)
        : facts;
      await keepLastWords(tools, id, name, context);
      throw doesNotStart(job, whyLost(end, patienceMs));
    }
    const isAsked = facts?.status === 'running' && (await mayAnswer(facts.pid));
    const said = isAsked ? await answerOf(job, id) : 'nothing';
    if (said === 'there') return;
    if (said === 'refuses') {
      await keepLastWords(tools, id, name, context);
      throw doesNotStart(job, "it refuses this appliance's keys");
    }
    if (said === 'on its way') patienceMs = Math.max(patienceMs, PATIENCE_MS);
    await tools.clock.sleep(isAsked ? BETWEEN_MS : LOOKED_AGAIN_MS, job.mayEnd);
  }
}

type End = Pick<ContainerFacts, 'status' | 'restarts' | 'exitCode' | 'oomKilled'>;

function hasEnded(facts: End | undefined): boolean {
  return facts === undefined || facts.restarts > 0 || isDown(facts);
}

function isDown({ status }: End): boolean {
  return ['exited', 'dead', 'restarting'].includes(status);
}

/**
 * One that the engine has started again by itself has no code of its end any more. It ends again, and each time it is
 * left down for longer: then it has.
 */
export async function endOf<Facts extends End>(
  met: Facts | undefined,
  look: () => Promise<Facts | undefined>,
  clock: Clock,
): Promise<Facts | undefined> {
  const giveUpAtMs = clock.monotonicMs() + ENDS_AGAIN_WITHIN_MS;
  let facts = met;
  while (facts !== undefined && !isDown(facts) && clock.monotonicMs() < giveUpAtMs) {
    await clock.sleep(LOOKED_AGAIN_MS);
    facts = await look();
  }
  return facts ?? met;
}

function whyLost(facts: End | undefined, waitedMs: number): string {
  if (facts === undefined) return 'its container is gone';
  if (!hasEnded(facts)) return `it runs, and did not answer within ${waitedMs / 1000} s`;
  const code = facts.exitCode === 0 ? '' : ` with code ${facts.exitCode}`;
  return `it ended${code}${facts.oomKilled ? ', out of memory' : ''}`;
}

/** Not yet is no error; an engine that is away is. */
async function answerOf(job: Job, id: string): Promise<Answering> {
  try {
    return await kindOfJob(job).answering(askedOf(job, id));
  } catch (error) {
    job.context.signal.throwIfAborted();
    if (isRetryable(error) && !isOnsteadError(error, 'engine.timeout')) throw error;
    return 'nothing';
  }
}

function doesNotStart({ input }: Job, why: string): OnsteadError {
  return new OnsteadError('operation.not-started', `${input.service} does not start: ${why}.`, {
    next: 'Everything is taken back. Send the output of `onstead operations show` to the vendor.',
  });
}

/** The replicas of the app that say they are ready within this time. */
export async function readyReplicas({ tools, input, context }: Job, withinMs: number): Promise<string[]> {
  const { app, project } = input;
  if (app === null) return [];
  const all = (await containersOf(tools, project, app.service)).filter(({ status }) => status === 'running');
  const answered = await Promise.all(
    all.map(({ id }) => isReady(tools, app, id, withinMs, context.signal).catch(() => false)),
  );
  context.signal.throwIfAborted();
  return all.filter((_, at) => answered[at]).map(({ id }) => id);
}

/** Throws where one that was ready with the old service does not become so with the new one. */
export async function waitReady(job: Job, replicas: readonly string[]): Promise<void> {
  const { app, service } = job.input;
  if (app === null || replicas.length === 0) return;
  const ready = await readyReplicas(job, READY_WITHIN_MS);
  const missing = replicas.filter((id) => !ready.includes(id)).length;
  if (missing === 0) return;
  throw new OnsteadError(
    'operation.not-ready',
    `${missing} of ${replicas.length} replicas of ${app.service} do not become ready again with the new ${service}.`,
    { next: 'Everything is taken back. Send the output of `onstead operations show` to the vendor.' },
  );
}

async function isReady(
  tools: DeployTools,
  { port, ready }: NonNullable<ReplaceData['app']>,
  id: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { address, networkOfPid } = await placeOf(tools, id);
  const question: ReadyQuestion = { url: `http://${address}:${port}${ready}`, giveUpAfterMs: withinMs };
  const { isReady: is } = await askWorker<ReadyQuestion, ReadyAnswer>(
    import.meta.url,
    '../../workers/ready-worker',
    question,
    { networkOfPid, signal, timeoutMs: withinMs + 30_000 },
  );
  return is;
}
