// The edge of the stack that stands in the folder now.

import { edgeAppOf, type Edge } from '../stack/index.ts';
import { stackRelease } from './stack-files.ts';
import type { DeployTools } from './tools.ts';

export async function edgeOf(tools: DeployTools): Promise<Edge> {
  const release = await stackRelease(tools);
  const service = release.services.find(({ role }) => role === 'nginx')!.name; // every release has one
  return {
    engine: await tools.engine(),
    clock: tools.clock,
    project: tools.settings().project ?? release.product,
    service,
    app: edgeAppOf(release),
    stackFolder: tools.paths.stack,
  };
}
