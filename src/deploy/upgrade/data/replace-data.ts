// A data service replaced by what the stack's files say, while requests wait at the edge. Where the new one does not
// start, or does not hold what the old one held, it is taken back before any request goes on.

import { errorFrom, messageOf, reportOf } from '../../../base/errors.ts';
import { isRetryable } from '../../../engine/index.ts';
import type { Executor, StepContext } from '../../../journal/index.ts';
import { holdRequests, type HoldSeen } from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import { containersOf, type DeployTools } from '../../tools.ts';
import { goBack } from './back.ts';
import { containersOfJob, readyReplicas } from './containers.ts';
import { goForward, noticeWriters, prepare, readJobRecord, writeJobRecord } from './forward.ts';
import { whileHeld, withoutEnd, type Job, type ReplaceData } from './job.ts';
import type { DataRecord } from './record.ts';
import { countStages } from './stages.ts';
import { waitedWords } from './waited-words.ts';

const HEALTHY_WITHIN_MS = 5 * 60_000;
/** Some of the engine's probes. */
const ASKED_AGAIN_MS = 60_000;

export function replaceDataStep(tools: DeployTools): Executor<ReplaceData> {
  return {
    async apply(input, context) {
      const job = jobOf(tools, input, context);
      const record = await begin(job);
      if (record.isDone === true) return undefined;
      const said = await held(job, (now) => replaceOrTakeBack(whileHeld(now), record));
      await untilHealthy(job);
      await noted(context, () => untilAppHealthy(job, record));
      await writeJobRecord(job, { ...(await readJobRecord(job))!, isDone: true });
      return said;
    },
    async undo(input, context) {
      const job = jobOf(tools, input, context);
      const found = await readJobRecord(job);
      if (found === undefined) return;
      if (found.isBack !== true) {
        const record = await noticeWriters(job, found);
        await held(job, async (now) => {
          await goBack(whileHeld(now), record);
          return '';
        });
      }
      // It answers; the engine only does not know yet, and whoever asks whether all is well asks the engine.
      await noted(context, () => untilHealthy(job));
      await noted(context, () => untilAppHealthy(job, found));
    },
  };
}

/** What does not come about is said, and changes nothing. */
async function noted({ signal, note }: StepContext, wait: () => Promise<void>): Promise<void> {
  try {
    await wait();
  } catch (error) {
    signal.throwIfAborted();
    if (isRetryable(error)) throw error;
    note(messageOf(error));
  }
}

function jobOf(tools: DeployTools, input: ReplaceData, context: StepContext): Job {
  return { tools, input, context, mayEnd: context.signal, stages: countStages(tools.clock), heldUntilMs: 0 };
}

async function untilHealthy(job: Job): Promise<void> {
  const { containers } = await job.tools.engine();
  const ids = (await containersOfJob(job)).map(({ id }) => id);
  await containers.waitHealthy(ids, { timeoutMs: HEALTHY_WITHIN_MS, signal: job.context.signal });
}

/** Who is ready by its own word was ill by the engine's while the service was away, until the engine asks again. */
async function untilAppHealthy(job: Job, { ready }: DataRecord): Promise<void> {
  const { app, project } = job.input;
  if (app === null) return;
  const there = await containersOf(job.tools, project, app.service);
  const ids = there.map(({ id }) => id).filter((id) => ready.includes(id));
  const { containers } = await job.tools.engine();
  await containers.waitHealthy(ids, { timeoutMs: ASKED_AGAIN_MS, signal: job.context.signal });
}

/** What there was is written down before anything is changed; a daemon that comes back finds it. */
async function begin(job: Job): Promise<DataRecord> {
  const earlier = await readJobRecord(job);
  const found = earlier && (await noticeWriters(job, earlier));
  if (found?.isDone === true || found?.refused !== undefined) return found;
  const record =
    found ??
    (await writeJobRecord(job, {
      stale: (await containersOfJob(job)).map(({ id }) => id),
      ready: await readyReplicas(job, 0),
    }));
  return prepare(job, record);
}

async function replaceOrTakeBack(job: Job, record: DataRecord): Promise<string> {
  const { context, input, tools } = job;
  if (record.refused === undefined) {
    try {
      return await goForward(job, record);
    } catch (error) {
      if (isRetryable(error)) throw error; // an engine that is away can take nothing back either
      context.note(`${input.service} is taken back while requests wait.`);
      await writeJobRecord(job, { ...(await readJobRecord(job))!, refused: reportOf(error) });
    }
  }
  const refused = (await readJobRecord(job))!;
  await goBack(withoutEnd(job), refused).catch((error: unknown) => {
    // The way back of the operation tries it again, and says why it cannot.
    tools.log.warn({ err: error }, 'a data service could not be taken back at once');
  });
  throw errorFrom(refused.refused!);
}

/** `work` while requests wait, or until their limit; the story says what they met and where the time went. */
async function held(job: Job, work: (job: Job) => Promise<string>): Promise<string> {
  const { tools, input, context } = job;
  let seen: HoldSeen = { notHeld: 'ended' };
  let [tookMs, unheldMs, where] = [0, 0, ''];
  const options = {
    limitMs: input.limitMs,
    signal: context.signal,
    told: (what: HoldSeen) => (seen = what),
  };
  try {
    return await holdRequests(await edgeOf(tools), options, async (heldUntilMs) => {
      const stages = countStages(tools.clock);
      const begunMs = tools.clock.monotonicMs();
      try {
        return await work({ ...job, stages, heldUntilMs });
      } finally {
        const nowMs = tools.clock.monotonicMs();
        [tookMs, unheldMs] = [nowMs - begunMs, Math.max(0, nowMs - heldUntilMs)];
        where = stages.words();
      }
    });
  } finally {
    if (tookMs > 0) context.note(waitedWords(seen, { tookMs, unheldMs, where }));
  }
}
