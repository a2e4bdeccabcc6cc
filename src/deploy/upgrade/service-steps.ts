// Services that have one container and no replicas to divide: replaced as a whole, or removed.

import type { Executor, StepContext } from '../../journal/index.ts';
import { containersOf, removeContainersOf, type DeployTools } from '../tools.ts';
import type { UpgradeSteps } from './step-types.ts';
import { putStackBack } from './put-stack-back.ts';

const HEALTHY_WITHIN_MS = 10 * 60_000;

type Replace = UpgradeSteps['replace-service'];

export function replaceServiceStep(tools: DeployTools): Executor<Replace> {
  return {
    apply: (input, context) => raise(tools, input, context),
    async undo(input, context) {
      await putStackBack(tools, input.project, context.operation);
      await raise(tools, input, context);
    },
  };
}

/** Compose makes it anew where it is not what the files say; else nothing happens. */
async function raise(
  tools: DeployTools,
  { project, service }: Replace,
  { signal }: StepContext,
): Promise<void> {
  await (await tools.compose()).up({ services: [service], noDeps: true, signal });
  const engine = await tools.engine();
  const all = await containersOf(tools, project, service);
  await engine.containers.waitHealthy(
    all.map(({ id }) => id),
    { timeoutMs: HEALTHY_WITHIN_MS, signal },
  );
}

export function removeServiceStep(tools: DeployTools): Executor<UpgradeSteps['remove-service']> {
  return {
    async apply({ project, service }) {
      await removeContainersOf(tools, project, [service]);
    },
    async undo(input, context) {
      await putStackBack(tools, input.project, context.operation);
      await raise(tools, input, context);
    },
  };
}
