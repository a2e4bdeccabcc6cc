// A replica that is alive by the engine's word and ready by its own.

import { OnsteadError } from '../../base/errors.ts';
import { askWorker } from '../../base/worker.ts';
import type { ReadyAnswer, ReadyQuestion } from '../ready-question.ts';
import { placeOf, type DeployTools } from '../tools.ts';
import type { Listed } from './listed.ts';
import type { Side } from './sides.ts';

export interface Asked extends Listed {
  readonly readyWithinMs: number;
}

/** Whichever fails first ends the other wait. */
export async function ready(
  tools: DeployTools,
  input: Asked,
  side: Side,
  id: string,
  signal: AbortSignal,
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
  { ready: asked, readyWithinMs }: Asked,
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
    `A replica did not say within ${readyWithinMs / 1000} s that it is ready: ${path} ${tools.secrets.mask(last)}.`,
    { next: 'Nothing was switched to it. Send the output of `onstead operations show` to the vendor.' },
  );
}
