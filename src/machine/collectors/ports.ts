// Whether the ports that the edge needs are free, and who has them if not.

import { join } from 'node:path';
import type { EngineContainer, PortHolder, PortsFacts } from '../facts.ts';
import { parseListeners, type Listener } from '../parse/net.ts';
import type { Source } from '../source.ts';
import type { CollectContext, Collector } from './context.ts';
import { printable } from '../printable.ts';

export const collectPorts: Collector<'ports'> = async (source, context) => {
  const texts = [await source.text('/proc/net/tcp'), await source.text('/proc/net/tcp6')];
  if (texts[0] === undefined) throw new Error('/proc/net/tcp cannot be read');
  const listeners = texts
    .flatMap((text) => parseListeners(text ?? ''))
    .filter((one) => context.ports.includes(one.port));
  const owners = listeners.length === 0 ? new Map() : await ownersOf(source, listeners);
  const containers = (await context.engine()).details?.containers ?? [];
  const ports: PortsFacts['ports'] = [];
  for (const port of context.ports) {
    const holders = await holdersOf(source, context, port, listeners, owners, containers);
    ports.push({ port, free: holders.length === 0, holders });
  }
  return { ports };
};

async function holdersOf(
  source: Source,
  { paths }: CollectContext,
  port: number,
  listeners: readonly Listener[],
  owners: ReadonlyMap<string, number>,
  containers: readonly EngineContainer[],
): Promise<PortHolder[]> {
  const publisher = containers.find((one) => one.running && one.publishedPorts.includes(port));
  const holders: PortHolder[] = [];
  for (const { address, inode } of listeners.filter((one) => one.port === port)) {
    const pid = owners.get(inode) ?? null;
    const program = pid === null ? null : await programOf(source, pid);
    const container = program === 'docker-proxy' || pid === null ? publisher : undefined;
    holders.push({
      address,
      pid,
      program,
      container: container?.name ?? null,
      ours: container?.ours ?? (pid !== null && (await runsFrom(source, pid, paths.programs))),
    });
  }
  // Without docker-proxy a published port is a rule of the packet filter only: nobody listens, and yet it is taken.
  if (holders.length > 0 || publisher === undefined) return holders;
  return [{ address: '0.0.0.0', pid: null, program: null, container: publisher.name, ours: publisher.ours }];
}

/** Socket inode → process. Other people's processes are visible to root only. */
async function ownersOf(
  source: Source,
  listeners: readonly Listener[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Map(listeners.map((one) => [`socket:[${one.inode}]`, one.inode]));
  const owners = new Map<string, number>();
  const denied = source.unseen.length;
  for (const pid of await source.list('/proc')) {
    if (owners.size === new Set(wanted.values()).size) break;
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of await source.list(`/proc/${pid}/fd`)) {
      const inode = wanted.get((await source.link(`/proc/${pid}/fd/${fd}`)) ?? '');
      if (inode !== undefined) owners.set(inode, Number(pid));
    }
  }
  if (source.unseen.length > denied) {
    // One sentence in place of one for each process.
    source.unseen.splice(denied, Infinity, 'Which program holds a port is visible to root only.');
  }
  return owners;
}

async function programOf(source: Source, pid: number): Promise<string | null> {
  const name = (await source.text(`/proc/${pid}/comm`))?.trim();
  return name ? printable(name) : null;
}

async function runsFrom(source: Source, pid: number, folder: string): Promise<boolean> {
  return ((await source.link(`/proc/${pid}/exe`)) ?? '').startsWith(join(folder, '/'));
}
