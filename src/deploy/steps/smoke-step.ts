// The last gate: the stack is used as a client of the edge would, over TLS that the appliance's own authority
// vouches for.

import { OnsteadError, messageOf } from '../../base/errors.ts';
import { askWorker } from '../../base/worker.ts';
import type { Executor, StepContext } from '../../journal/index.ts';
import type { Release, SmokeCheck } from '../../release/index.ts';
import { certificateSecrets, raiseStack } from '../../stack/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import type { EdgeAnswer, EdgeQuestion } from '../edge-question.ts';

const GIVE_UP_MS = 60_000;
const ANSWER_WITHIN_MS = 15_000;
const BETWEEN_MS = 500;

export function smokeTestStep(tools: DeployTools): Executor<InstallSteps['smoke-test']> {
  return {
    verifies: true,
    async apply(_input, context) {
      const checks = checksOf(await stackRelease(tools));
      for (const [at, check] of checks.entries()) {
        await passWithin(tools, check, context);
        context.progress({ done: at + 1, total: checks.length, unit: 'items', note: check.path });
      }
      return checks.map(({ path }) => path).join(', ');
    },
  };
}

/** What the vendor asks for, and in any case that each app says it is ready. */
function checksOf(release: Release): SmokeCheck[] {
  const ready = release.services.flatMap((one) =>
    one.role === 'app' ? [{ path: one.ready, status: 200 }] : [],
  );
  return [...ready.slice(0, 1), ...release.smoke];
}

async function passWithin(tools: DeployTools, check: SmokeCheck, context: StepContext): Promise<void> {
  const { signal } = context;
  const giveUpAtMs = tools.clock.monotonicMs() + GIVE_UP_MS;
  for (;;) {
    const complaint = await complaintAbout(tools, check, signal);
    if (complaint === undefined) return;
    if (tools.clock.monotonicMs() > giveUpAtMs) {
      throw new OnsteadError('operation.smoke-failed', `${check.path} through the edge: ${complaint}.`, {
        next: 'Look at the app with `onstead logs app` and at the edge with `onstead logs nginx`.',
      });
    }
    await tools.clock.sleep(BETWEEN_MS, signal);
    await raiseAgain(tools, context);
  }
}

/** An engine that was restarted meanwhile may have come back without a part of the stack. */
async function raiseAgain(tools: DeployTools, { signal, note }: StepContext): Promise<void> {
  try {
    const compose = await tools.compose();
    if ((await raiseStack(compose, { isWhole: true, signal })) > 0) note('What was down was started again.');
  } catch (error) {
    signal.throwIfAborted();
    tools.log.warn({ err: error }, 'the stack could not be raised'); // the check itself says whether that matters
  }
}

async function complaintAbout(
  tools: DeployTools,
  check: SmokeCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { status, body } = await askEdge(tools, check.path, signal);
    if (status !== check.status) return `expected status ${check.status}, got ${status}`;
    if (check.contains !== undefined && !body.includes(check.contains)) {
      return `the answer does not contain "${check.contains}"`;
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}

/** In a child that ends: TLS and its client are megabytes that an idle daemon would keep. */
function askEdge(tools: DeployTools, path: string, signal: AbortSignal): Promise<EdgeAnswer> {
  const { address, httpsPort } = tools.settings().edge;
  const question: EdgeQuestion = {
    host: address === '0.0.0.0' ? '127.0.0.1' : address,
    port: httpsPort,
    path,
    authority: tools.secrets.get(certificateSecrets.authority),
    timeoutMs: ANSWER_WITHIN_MS,
  };
  return askWorker<EdgeQuestion, EdgeAnswer>(import.meta.url, '../workers/edge-worker', question, { signal });
}
