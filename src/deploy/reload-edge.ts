// nginx takes up a new certificate or configuration by a signal; connections go on.

import { containersOf, type DeployTools } from './tools.ts';
import { readFact } from './facts.ts';
import { stackRelease } from './stack-files.ts';

export async function reloadEdge(tools: DeployTools): Promise<void> {
  const project = readFact(tools.journal, 'installed')?.project;
  const edge = (await stackRelease(tools)).services.find(({ role }) => role === 'nginx');
  if (project === undefined || edge === undefined) return;
  const engine = await tools.engine();
  for (const { id, status } of await containersOf(tools, project, edge.name)) {
    if (status === 'running') await engine.containers.kill(id, 'SIGHUP');
  }
}
