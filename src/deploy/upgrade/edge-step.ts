// nginx replaced by the next one beside it, and on the way back by the one from before. The app's replicas are those of
// the old release in both directions: this comes before they are replaced, and is taken back after they are back.

import type { Executor } from '../../journal/index.ts';
import { edgeNetworkOf, replaceEdge, restoreStack, settleEdge, type EdgeServer } from '../../stack/index.ts';
import { edgeOf } from '../edge-of.ts';
import { containersOf, type DeployTools } from '../tools.ts';
import { pointStack } from '../points.ts';

export interface ReplaceEdge {
  readonly project: string;
  readonly service: string;
  /** Who answers meanwhile. */
  readonly app: { readonly service: string; readonly port: number };
}

/** A little longer than nginx itself gives its workers, so that it is nginx that ends what lasts longer. */
const DRAIN_MS = 65_000;

export function replaceEdgeStep(tools: DeployTools): Executor<ReplaceEdge> {
  const replace = async (input: ReplaceEdge, signal: AbortSignal): Promise<readonly EdgeServer[]> => {
    const servers = await serversOf(tools, input);
    const files = await tools.compose();
    await replaceEdge({ edge: await edgeOf(tools), files, servers, drainMs: DRAIN_MS }, signal);
    return servers;
  };
  return {
    async apply(input, { signal }) {
      await replace(input, signal);
    },
    async undo(input, { operation, signal }) {
      await restoreStack(tools.paths.stack, pointStack(tools, operation));
      const servers = await replace(input, signal);
      await settleEdge(await edgeOf(tools), servers, signal);
    },
  };
}

async function serversOf(tools: DeployTools, { project, app }: ReplaceEdge): Promise<EdgeServer[]> {
  const network = edgeNetworkOf(project);
  return (await containersOf(tools, project, app.service)).flatMap(({ status, networks }) => {
    const address = networks.find(({ name }) => name === network)?.ipv4;
    return status === 'running' && address !== undefined ? [{ address, port: app.port, weight: 1 }] : [];
  });
}
