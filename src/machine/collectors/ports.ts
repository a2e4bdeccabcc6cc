// Whether the ports that the edge needs are free, and who has them if not.

import { join } from 'node:path';
import type { EngineContainer, PortHolder, PortsFacts } from '../facts.ts';
import { parseListeners, type Listener } from '../parse/net.ts';
import { containerIdsIn, programIn, scriptIn, unitIn } from '../parse/process.ts';
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
    const seen = pid === null ? NOBODY : await lookAt(source, pid);
    const inside = containers.find(({ id }) => seen.containerIds.includes(id));
    const container = seen.program === 'docker-proxy' || pid === null ? publisher : inside;
    holders.push({
      address,
      pid,
      program: seen.program,
      script: seen.script,
      unit: seen.unit,
      container: container?.name ?? null,
      ours: container?.ours ?? (pid !== null && (await runsFrom(source, pid, paths.programs))),
    });
  }
  // Without docker-proxy a published port is a rule of the packet filter only: nobody listens, and yet it is taken.
  if (holders.length > 0 || publisher === undefined) return holders;
  const { name, ours } = publisher;
  return [{ address: '0.0.0.0', pid: null, program: null, script: null, unit: null, container: name, ours }];
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
  const isFound = owners.size === new Set(wanted.values()).size;
  if (source.unseen.length > denied) {
    // One sentence in place of one for each process, and none where it was found all the same.
    const sentence =
      process.getuid?.() === 0
        ? 'Which program holds a port is hidden from root here, as in a container with fewer rights.'
        : 'Which program holds a port is visible to root only.';
    source.unseen.splice(denied, Infinity, ...(isFound ? [] : [sentence]));
  }
  return owners;
}

interface Seen {
  readonly program: string | null;
  readonly script: string | null;
  readonly unit: string | null;
  readonly containerIds: readonly string[];
}

const NOBODY: Seen = { program: null, script: null, unit: null, containerIds: [] };

async function lookAt(source: Source, pid: number): Promise<Seen> {
  const exe = await source.link(`/proc/${pid}/exe`);
  const program = programIn(exe, await source.text(`/proc/${pid}/comm`));
  const script = scriptIn(program, await source.text(`/proc/${pid}/cmdline`));
  const cgroup = await source.text(`/proc/${pid}/cgroup`);
  const unit = unitIn(cgroup);
  return {
    program: program && printable(program),
    script,
    unit: unit && printable(unit),
    containerIds: containerIdsIn(cgroup),
  };
}

async function runsFrom(source: Source, pid: number, folder: string): Promise<boolean> {
  return ((await source.link(`/proc/${pid}/exe`)) ?? '').startsWith(join(folder, '/'));
}
