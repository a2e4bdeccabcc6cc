// Whoever writes: they leave before the data does, and come back as the stack's files say then.

import type { StepContext } from '../../../journal/index.ts';
import { containersOf, removeContainersOf, type DeployTools } from '../../tools.ts';

export interface Writers {
  readonly project: string;
  /** Apps and workers. */
  readonly writers: readonly string[];
}

const READY_WITHIN_MS = 5 * 60_000;
/** Longer than nginx keeps an answer of the engine's resolver: the replicas have new addresses. */
const RESOLVED_WITHIN_MS = 3_000;

export function sendWritersAway(tools: DeployTools, { project, writers }: Writers): Promise<void> {
  return removeContainersOf(tools, project, writers);
}

export async function bringWritersBack(
  tools: DeployTools,
  { project, writers }: Writers,
  { signal }: StepContext,
  withinMs = READY_WITHIN_MS,
): Promise<void> {
  await (await tools.compose()).up({ services: writers, noDeps: true, signal });
  const engine = await tools.engine();
  const all = (await Promise.all(writers.map((name) => containersOf(tools, project, name)))).flat();
  await engine.containers.waitHealthy(
    all.map(({ id }) => id),
    { timeoutMs: withinMs, signal },
  );
  await tools.clock.sleep(RESOLVED_WITHIN_MS, signal);
}
