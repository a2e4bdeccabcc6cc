// The replicas of a service that run now, as the edge names them.

import { edgeNetworkOf, type EdgeServer } from '../../stack/index.ts';
import { containersOf, type DeployTools } from '../tools.ts';

export async function runningServers(
  tools: DeployTools,
  project: string,
  app: { readonly name: string; readonly port: number },
): Promise<EdgeServer[]> {
  const network = edgeNetworkOf(project);
  return (await containersOf(tools, project, app.name)).flatMap(({ status, networks }) => {
    const address = networks.find(({ name }) => name === network)?.ipv4;
    return status === 'running' && address !== undefined ? [{ address, port: app.port, weight: 1 }] : [];
  });
}
