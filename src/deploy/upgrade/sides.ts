// The two sides of a service while it is replaced: which of its containers belong to the new release and which to the
// old one. Compose itself says what a release's containers would be, so that nothing here compares settings.

import type { Compose, ContainerSummary } from '../../engine/index.ts';
import { pointStack } from '../points.ts';
import { containersOf, type DeployTools } from '../tools.ts';

export type Side = 'fresh' | 'stale';

const CONFIG_HASH = 'com.docker.compose.config-hash';

export interface ReplicaSides {
  readonly fresh: readonly ContainerSummary[];
  readonly stale: readonly ContainerSummary[];
}

export async function sidesOf(tools: DeployTools, project: string, service: string): Promise<ReplicaSides> {
  const hash = (await (await tools.composeIn(tools.paths.stackNext)).hashes())[service];
  const all = await containersOf(tools, project, service);
  const isFresh = ({ labels }: ContainerSummary): boolean => labels[CONFIG_HASH] === hash;
  return { fresh: all.filter(isFresh), stale: all.filter((one) => !isFresh(one)) };
}

/** By the engine's word; a service without a health check is well while it runs. */
export function isWell({ status, health }: Pick<ContainerSummary, 'status' | 'health'>): boolean {
  return status === 'running' && (health === 'healthy' || health === 'none');
}

/** The Compose files that replicas of this side are made from. The stack's own folder holds only one of the two. */
export function filesOf(tools: DeployTools, side: Side, operation: string): Promise<Compose> {
  return tools.composeIn(side === 'fresh' ? tools.paths.stackNext : pointStack(tools, operation));
}
