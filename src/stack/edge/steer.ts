// Tells nginx which replicas answer, and does not believe it before nginx itself says so. A configuration is tried in
// the running container before it takes the place of the one that works.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { OnsteadError } from '../../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { Engine } from '../../engine/index.ts';
import {
  markIn,
  markPath,
  renderUpstreams,
  serversIn,
  upstreamsFile,
  type EdgeApp,
  type EdgeServer,
  type EdgeTargets,
} from './upstreams.ts';
import { askNginx } from './status.ts';
import { workersOf } from './workers-of.ts';

export interface Edge {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly project: string;
  /** nginx's own name in the release. */
  readonly service: string;
  readonly app: EdgeApp;
  readonly stackFolder: string;
  /** For a reload to be seen. Default 20 s. */
  readonly takenWithinMs?: number;
}

const CANDIDATE = 'next';
const TAKEN_WITHIN_MS = 20_000;
const BETWEEN_MS = 50;
/** Longer than nginx keeps an answer of the engine's resolver. */
const RESOLVED_WITHIN_MS = 3_000;

/** From its return on, new requests go to these. Requests under way end where they are: see `drainEdge`. */
export function steerEdge(edge: Edge, targets: EdgeTargets, signal: AbortSignal): Promise<void> {
  return changeEdge(edge, (_before, conf) => renderUpstreams(edge.app, targets, conf), signal);
}

/** Tried out, written, and taken up by every nginx that runs; what it refuses is not written. */
export async function changeEdge(
  edge: Edge,
  next: (before: string, conf: string) => string,
  signal: AbortSignal,
): Promise<void> {
  const folder = configFolder(edge);
  const conf = await readFile(join(folder, 'nginx.conf'), 'utf8');
  const before = await readTextIfAny(join(folder, upstreamsFile));
  const text = next(before ?? renderUpstreams(edge.app, { kind: 'all' }, conf), conf);
  const running = await runningContainers(edge);
  if (before !== text) {
    if (running[0] !== undefined) await tryOut(edge, running[0], folder, { conf, text });
    await writeFileAtomic(join(folder, upstreamsFile), text);
  }
  await Promise.all(running.map((id) => takeUp(edge, id, markIn(text)!, signal)));
}

/** The files stay as they are and are read again: a certificate was renewed. */
export async function reloadEdge(edge: Edge, signal: AbortSignal): Promise<void> {
  const running = await runningContainers(edge);
  await Promise.all(running.map((id) => reload(edge, id, async () => true, signal)));
}

/** Back to whoever the engine names: no replica comes or goes any more. These answer until nginx has asked for the name. */
export async function settleEdge(
  edge: Edge,
  servers: readonly EdgeServer[],
  signal: AbortSignal,
): Promise<void> {
  if (servers.length > 0) {
    await steerEdge(edge, { kind: 'joining', servers }, signal);
    await edge.clock.sleep(RESOLVED_WITHIN_MS, signal);
  }
  await steerEdge(edge, { kind: 'all' }, signal);
}

/** Resolves when no worker of an earlier configuration serves anybody any more; false where the limit came first. */
export async function drainEdge(edge: Edge, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const endMs = edge.clock.monotonicMs() + limitMs;
  for (;;) {
    if (!(await hasOldWorkers(edge))) return true;
    if (edge.clock.monotonicMs() > endMs) return false;
    await edge.clock.sleep(250, signal);
  }
}

async function takeUp(edge: Edge, id: string, mark: string, signal: AbortSignal): Promise<void> {
  const isTaken = () => hasMark(edge, id, mark);
  if (!(await isTaken())) await reload(edge, id, isTaken, signal);
}

/** Whether the nginx of this container works by the configuration with this mark. */
export async function hasMark({ engine }: Edge, id: string, mark: string): Promise<boolean> {
  return (await askNginx(engine, id, markPath)) === mark;
}

/** Over when no worker of before takes new requests: one may go on for some milliseconds beside the first new ones. */
async function reload(
  edge: Edge,
  id: string,
  isTaken: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, engine, service, takenWithinMs = TAKEN_WITHIN_MS } = edge;
  const before = new Set(await workersOf(engine, id));
  const isRenewed = async (): Promise<boolean> => {
    const now = await workersOf(engine, id);
    return now.length > 0 && now.every((pid) => !before.has(pid));
  };
  await engine.containers.kill(id, 'SIGHUP');
  const endMs = clock.monotonicMs() + takenWithinMs;
  while (!((await isTaken()) && (await isRenewed()))) {
    if (clock.monotonicMs() > endMs) throw notTaken(service, takenWithinMs);
    await clock.sleep(BETWEEN_MS, signal);
  }
}

/** `nginx -t` on a copy beside the files that it works by. */
async function tryOut(
  { engine, service }: Edge,
  container: string,
  folder: string,
  { conf, text }: { readonly conf: string; readonly text: string },
): Promise<void> {
  const candidate = join(folder, CANDIDATE);
  await ensureFolder(candidate);
  try {
    await writeFileAtomic(join(candidate, 'nginx.conf'), conf);
    await writeFileAtomic(join(candidate, upstreamsFile), text);
    const { code, stderr } = await engine.containers.exec(container, {
      cmd: ['nginx', '-t', '-q', '-c', `/etc/onstead/${CANDIDATE}/nginx.conf`],
      timeoutMs: 30_000,
    });
    if (code !== 0) throw refused(service, stderr);
  } finally {
    await rm(candidate, { recursive: true, force: true });
  }
}

/** The replicas that the edge names by address now; none where it goes by the service's name. */
export async function namedServers(edge: Edge): Promise<readonly { readonly address: string }[]> {
  return serversIn((await readTextIfAny(join(configFolder(edge), upstreamsFile))) ?? '');
}

export async function runningContainers({ engine, project, service }: Edge): Promise<string[]> {
  const all = await engine.containers.list({ project, service, status: ['running'] });
  return all.filter(({ oneOff }) => !oneOff).map(({ id }) => id);
}

async function hasOldWorkers(edge: Edge): Promise<boolean> {
  for (const id of await runningContainers(edge)) {
    const processes = await edge.engine.containers.processes(id);
    if (processes.some((title) => title.includes('worker process is shutting down'))) return true;
  }
  return false;
}

export function configFolder({ stackFolder, service }: Edge): string {
  return join(stackFolder, 'config', service);
}

export function refused(service: string, said: string): OnsteadError {
  const [line = ''] = said.split('\n').filter((one) => one.includes('[emerg]'));
  return new OnsteadError(
    'edge.refused',
    `nginx refuses its next configuration: ${line.trim() || said.trim()}`,
    {
      next: `Nothing was changed at the edge. Look at \`onstead logs ${service}\`.`,
    },
  );
}

function notTaken(service: string, withinMs: number): OnsteadError {
  return new OnsteadError(
    'edge.not-taken',
    `nginx did not take up its configuration within ${withinMs / 1000} s.`,
    { next: `Look at \`onstead logs ${service}\`.` },
  );
}
