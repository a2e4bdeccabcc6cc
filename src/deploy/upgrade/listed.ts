// Who answers at the edge while replicas are replaced: each named by its address. By the service's name nginx would find
// the new ones as soon as they run, ready or not.

import type { Executor } from '../../journal/index.ts';
import { edgeNetworkOf, settleEdge, steerEdge, type EdgeServer } from '../../stack/index.ts';
import { edgeOf } from '../edge-of.ts';
import type { DeployTools } from '../tools.ts';
import { answering, serversAt } from './edge-servers.ts';
import { sidesOf, type ReplicaSides } from './sides.ts';
import { weightsFor, type Sides } from './strategy.ts';

export interface Listed {
  readonly project: string;
  readonly service: string;
  /** Of the app behind the edge; null: nobody asks this service anything through the edge. */
  readonly ready: { readonly path: string; readonly port: number; readonly stalePort: number } | null;
}

/** The weights are those of the replicas that are named: one that is ill must not change the share. */
export function listedServers(
  { project, ready }: Listed,
  sides: ReplicaSides,
  freshShare: Sides['freshShare'],
): EdgeServer[] {
  const network = edgeNetworkOf(project);
  const { port, stalePort } = ready!; // nobody lists what nobody asks
  const [fresh, stale] = [answering(sides.fresh), answering(sides.stale)];
  const weights = weightsFor({ fresh: fresh.length, stale: stale.length, freshShare });
  return [
    ...serversAt(network, fresh, { port, weight: weights.fresh }),
    ...serversAt(network, stale, { port: stalePort, weight: weights.stale }),
  ].filter(({ weight }) => weight > 0);
}

export function listStep(tools: DeployTools): Executor<Listed> {
  return {
    async apply(input, { signal }) {
      const servers = await all(tools, input);
      if (servers.length > 0) await steerEdge(await edgeOf(tools), { kind: 'listed', servers }, signal);
    },
    async undo(input, { signal }) {
      await settleEdge(await edgeOf(tools), await all(tools, input), signal);
    },
  };
}

/** The last of it: the edge goes by the service's name again, so that a replica which is restarted is found. */
export function settleStep(tools: DeployTools): Executor<Listed> {
  return {
    async apply(input, { signal }) {
      await settleEdge(await edgeOf(tools), await all(tools, input), signal);
    },
  };
}

async function all(tools: DeployTools, input: Listed): Promise<EdgeServer[]> {
  return listedServers(input, await sidesOf(tools, input.project, input.service), null);
}
