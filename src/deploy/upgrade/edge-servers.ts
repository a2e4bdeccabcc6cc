// Replicas as the edge names them.

import type { ContainerSummary } from '../../engine/index.ts';
import { edgeNetworkOf, type EdgeServer } from '../../stack/index.ts';
import { containersOf, type DeployTools } from '../tools.ts';
import { isWell } from './sides.ts';

/** The replicas of a service that answer now. */
export async function runningServers(
  tools: DeployTools,
  project: string,
  app: { readonly name: string; readonly port: number },
): Promise<EdgeServer[]> {
  const replicas = answering(await containersOf(tools, project, app.name));
  return serversAt(edgeNetworkOf(project), replicas, { port: app.port, weight: 1 });
}

/** An ill one is asked nothing while another is well; where all are ill they do what they can. */
export function answering(replicas: readonly ContainerSummary[]): readonly ContainerSummary[] {
  const running = replicas.filter(({ status }) => status === 'running');
  const well = running.filter(isWell);
  return well.length > 0 ? well : running;
}

export function serversAt(
  network: string,
  replicas: readonly ContainerSummary[],
  { port, weight }: Pick<EdgeServer, 'port' | 'weight'>,
): EdgeServer[] {
  return replicas.flatMap(({ id: replica, networks }) => {
    const address = networks.find(({ name }) => name === network)?.ipv4;
    return address === undefined ? [] : [{ address, port, weight, replica }];
  });
}
