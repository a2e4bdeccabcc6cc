// nginx replaced by the next one beside it, and on the way back by the one from before. The app's replicas are those of
// the old release in both directions: this comes before they are replaced, and is taken back after they are back.

import type { Executor } from '../../journal/index.ts';
import { edgePatienceSeconds, replaceEdge, settleEdge, type EdgeServer } from '../../stack/index.ts';
import { edgeOf } from '../edge-of.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import { runningServers } from './edge-servers.ts';
import { putStackBack } from './put-stack-back.ts';

export interface ReplaceEdge {
  readonly project: string;
  readonly service: string;
  /** Who answers meanwhile. */
  readonly app: { readonly service: string; readonly port: number };
}

export function replaceEdgeStep(tools: DeployTools): Executor<ReplaceEdge> {
  const replace = async (input: ReplaceEdge, signal: AbortSignal): Promise<readonly EdgeServer[]> => {
    const servers = await runningServers(tools, input.project, {
      name: input.app.service,
      port: input.app.port,
    });
    const files = await tools.compose();
    // A little longer than nginx itself gives its workers, so that it is nginx that ends what lasts longer.
    const drainMs = (edgePatienceSeconds(await stackRelease(tools)) + 5) * 1000;
    await replaceEdge({ edge: await edgeOf(tools), files, servers, drainMs }, signal);
    return servers;
  };
  return {
    async apply(input, { signal }) {
      await replace(input, signal);
    },
    async undo(input, { operation, signal }) {
      await putStackBack(tools, input.project, operation);
      const servers = await replace(input, signal);
      await settleEdge(await edgeOf(tools), servers, signal);
    },
  };
}
