// The stack as it runs, seen from the files that are to come.

import { servicesOf } from '../../stack/index.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';

/**
 * Compose says which containers would be others. A service also reads its configuration when it starts (`drift`: files
 * that would change); nginx alone takes it up while it runs.
 */
export async function changedBetween(
  tools: DeployTools,
  nextFolder: string,
  drift: readonly string[],
): Promise<string[]> {
  const [now, next] = await Promise.all([
    (await tools.compose()).hashes(),
    (await tools.composeIn(nextFolder)).hashes(),
  ]);
  const configured = servicesOf(drift);
  const edge = (await stackRelease(tools)).services.find(({ role }) => role === 'nginx')?.name;
  return Object.keys(next).filter(
    (name) => now[name] !== next[name] || (configured.includes(name) && name !== edge),
  );
}

/** One that is paused, or between two of its starts, answers nobody, and is one of the old side all the same. */
const THERE = ['running', 'paused', 'restarting'] as const;

/** Replicas by service. */
export async function replicasOf(tools: DeployTools, project: string): Promise<Record<string, number>> {
  const engine = await tools.engine();
  const there = await engine.containers.list({ project, status: THERE });
  const names = there.flatMap(({ service, oneOff }) => (service === undefined || oneOff ? [] : [service]));
  return Object.fromEntries(names.map((name) => [name, names.filter((one) => one === name).length]));
}
