// nginx itself replaced: the next one starts beside the old one in the network both share, and the old one ends when the
// next one answers. Begun again at any point it does what is left; the way back is the same from the files of before.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import type { Compose, ContainerSummary } from '../../engine/index.ts';
import { configFolder, hasMark, refused, steerEdge, type Edge } from './steer.ts';
import { markIn, upstreamsFile, type EdgeServer } from './upstreams.ts';

export interface EdgeReplacement {
  readonly edge: Edge;
  /** The files that say what nginx is to be. */
  readonly files: Compose;
  /** Who answers meanwhile, by address: an nginx that just started has not yet asked for any name. */
  readonly servers: readonly EdgeServer[];
  /** For the old one to end its answers; websockets and downloads that last longer are cut. */
  readonly drainMs: number;
}

const ANSWERS_WITHIN_MS = 60_000;
const BETWEEN_MS = 50;
const TRIAL_WITHIN_MS = 60_000;

/** From its return on nginx is what the files say, and the edge names the servers given: settle it when all is done. */
export async function replaceEdge(replacement: EdgeReplacement, signal: AbortSignal): Promise<void> {
  const { edge, servers } = replacement;
  await removeTrial(edge);
  if (servers.length > 0) await steerEdge(edge, { kind: 'listed', servers }, signal);
  const next = await start(replacement, signal);
  await answering(edge, next, signal);
  for (const { id } of await staleOf(replacement, signal)) await leave(replacement, id, signal);
}

/** The next one, running. What an earlier attempt left of it without running is made anew. */
async function start(replacement: EdgeReplacement, signal: AbortSignal): Promise<string> {
  const { edge, files } = replacement;
  for (const one of await freshOf(replacement, signal)) {
    if (one.status === 'running') return one.id;
    await edge.engine.containers.remove(one.id);
  }
  await tryNext(replacement, signal);
  const before = await containersOf(edge);
  await files.up({
    services: [edge.service],
    noDeps: true,
    noRecreate: true,
    // An old one that does not run would be started again in place of a new one.
    scale: { [edge.service]: before.length + 1 },
    signal,
  });
  const known = new Set(before.map(({ id }) => id));
  const made = (await containersOf(edge)).find(({ id }) => !known.has(id));
  if (made === undefined) throw notStarted(edge.service, 'Compose made no container.');
  return made.id;
}

/** `nginx -t` by the next image, in a container of its own that listens to nobody. */
async function tryNext({ edge, files }: EdgeReplacement, signal: AbortSignal): Promise<void> {
  const { engine, service } = edge;
  const name = trialName(edge);
  const command = ['nginx', '-t', '-q', '-c', '/etc/onstead/nginx.conf'];
  await files.begin({ service, name, command, signal });
  try {
    const { code, output } = await engine.containers.outcome(name, { timeoutMs: TRIAL_WITHIN_MS, signal });
    if (code !== 0) throw refused(service, output);
  } finally {
    await removeTrial(edge);
  }
}

function trialName({ project, service }: Edge): string {
  return `${project}-${service}-trial`;
}

async function removeTrial(edge: Edge): Promise<void> {
  const left = await edge.engine.containers.inspect(trialName(edge));
  if (left !== undefined) await edge.engine.containers.remove(left.id);
}

/** Its own answer, by the configuration that lies there: the old one is asked by nobody here. */
async function answering(edge: Edge, id: string, signal: AbortSignal): Promise<void> {
  const { clock, engine } = edge;
  const mark = markIn(await readFile(join(configFolder(edge), upstreamsFile), 'utf8'))!;
  const endMs = clock.monotonicMs() + ANSWERS_WITHIN_MS;
  while (!(await hasMark(edge, id, mark))) {
    const facts = await engine.containers.inspect(id);
    const hasEnded = facts?.status !== 'running' || facts.restarts > 0;
    if (hasEnded || clock.monotonicMs() > endMs) {
      const said = await lastLineOf(edge, id);
      await engine.containers.remove(id);
      throw notStarted(edge.service, said);
    }
    await clock.sleep(BETWEEN_MS, signal);
  }
}

async function lastLineOf({ engine }: Edge, id: string): Promise<string> {
  let last = '';
  try {
    for await (const { line } of engine.containers.logs(id, { tail: 5 })) last = line;
  } catch {
    // gone, and its log with it
  }
  return last;
}

/** Its stop signal tells nginx to end its answers and to listen to nobody new. */
async function leave({ edge, drainMs }: EdgeReplacement, id: string, signal: AbortSignal): Promise<void> {
  await edge.engine.containers.stop(id, { timeoutSeconds: Math.ceil(drainMs / 1000), signal });
  await edge.engine.containers.remove(id);
}

async function containersOf({ engine, project, service }: Edge): Promise<ContainerSummary[]> {
  return (await engine.containers.list({ project, service })).filter(({ oneOff }) => !oneOff);
}

async function freshOf(replacement: EdgeReplacement, signal: AbortSignal): Promise<ContainerSummary[]> {
  const stale = new Set((await staleOf(replacement, signal)).map(({ id }) => id));
  return (await containersOf(replacement.edge)).filter(({ id }) => !stale.has(id));
}

/** Those that Compose itself would replace: the network they join makes their hash one that the files do not tell. */
async function staleOf(
  { edge, files }: EdgeReplacement,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  const all = await containersOf(edge);
  if (all.length === 0) return [];
  const { service } = edge;
  const scale = { [service]: all.length };
  const pending = await files.pending({ services: [service], noDeps: true, scale, signal });
  const replaced = new Set(pending.filter(({ status }) => status === 'Recreate').map(({ name }) => name));
  return all.filter(({ name }) => replaced.has(name));
}

function notStarted(service: string, said: string): OnsteadError {
  return new OnsteadError('edge.not-started', `The next nginx did not start: ${said.trim()}`, {
    next: `The one from before goes on. Look at \`onstead logs ${service}\`.`,
  });
}
