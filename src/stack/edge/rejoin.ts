// After a reboot, or with an engine that was restarted, in the middle of an operation: the edge names replicas by addresses
// that nobody has any more, or somebody else, or asks a hold server that is gone. It names the same replicas where they are
// now; where none of them runs it goes by the service's name, until the operation goes on.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { ContainerSummary, Engine } from '../../engine/index.ts';
import type { Release } from '../../release/index.ts';
import { edgeNetworkOf } from '../override.ts';
import { edgeAppOf } from '../services/nginx.ts';
import {
  isAsking,
  notAsking,
  renderUpstreams,
  serversIn,
  upstreamsFile,
  withServers,
  type EdgeApp,
  type EdgeServer,
} from './upstreams.ts';

export interface Rejoining {
  readonly engine: Engine;
  readonly release: Release;
  readonly stackFolder: string;
  /** Asked only where there may be something to do. */
  readonly project: () => Promise<string>;
}

/** For whoever holds the stack, before its services are started. True where something was put right. */
export async function rejoinEdge(rejoining: Rejoining): Promise<boolean> {
  const { engine, release, stackFolder } = rejoining;
  const service = release.services.find(({ role }) => role === 'nginx')?.name ?? '';
  const folder = join(stackFolder, 'config', service);
  const before = await readTextIfAny(join(folder, upstreamsFile));
  if (before === undefined || (serversIn(before).length === 0 && !isAsking(before))) return false;
  const project = await rejoining.project();
  const text = await rightText(
    rejoining,
    project,
    before,
    await readFile(join(folder, 'nginx.conf'), 'utf8'),
  );
  if (text === before) return false;
  await writeFileAtomic(join(folder, upstreamsFile), text);
  // One that is coming up reads the file; one that the engine brought back by itself is told.
  const running = await engine.containers.list({ project, service, status: ['running'] });
  for (const { id, oneOff } of running) if (!oneOff) await engine.containers.kill(id, 'SIGHUP');
  return true;
}

async function rightText(
  { engine, release }: Rejoining,
  project: string,
  before: string,
  conf: string,
): Promise<string> {
  const app = edgeAppOf(release);
  const named = serversIn(before);
  const running = await engine.containers.list({ project, service: app.name, status: ['running'] });
  const now = named.flatMap((server) => placeNow(server, running, edgeNetworkOf(project)));
  if (isSame(named, now)) return notAsking(before, conf);
  if (now.length > 0) return withServers(before, now, conf);
  return renderUpstreams(asNamed(app, named), { kind: 'all' }, conf);
}

/** Of a replica that is not known by its id only the address tells. */
function placeNow(server: EdgeServer, running: readonly ContainerSummary[], network: string): EdgeServer[] {
  const { replica, address: before } = server;
  const addressOf = ({ networks }: ContainerSummary) => networks.find(({ name }) => name === network)?.ipv4;
  const found = running.find((one) =>
    replica === undefined ? addressOf(one) === before : one.id.startsWith(replica),
  );
  const address = found && addressOf(found);
  return address === undefined ? [] : [{ ...server, address }];
}

function isSame(named: readonly EdgeServer[], now: readonly EdgeServer[]): boolean {
  return named.length === now.length && named.every(({ address }, at) => now[at]?.address === address);
}

/** The files may be those of the next release while all that runs are replicas of the old one, on another port. */
function asNamed(app: EdgeApp, named: readonly { readonly port: number }[]): EdgeApp {
  const [port = app.port, ...others] = new Set(named.map((one) => one.port));
  return others.length === 0 ? { ...app, port } : app;
}
