// Kernel settings that databases and container networks care about, limits on open files, and control groups.

import { readCgroups } from '../cgroup-tree.ts';
import { parseChoice, parseNumber, parseOpenFiles } from '../parse/proc.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';

export const collectKernel: Collector<'kernel'> = async (source) => {
  const setting = async (name: string): Promise<number | null> =>
    parseNumber(await source.text(`/proc/sys/${name}`));
  return {
    overcommitMemory: await setting('vm/overcommit_memory'),
    hugePages: await hugePagesOf(source),
    ipForward: await setting('net/ipv4/ip_forward'),
    somaxconn: await setting('net/core/somaxconn'),
    swappiness: await setting('vm/swappiness'),
    aioMax: await setting('fs/aio-max-nr'),
    aioUsed: await setting('fs/aio-nr'),
  };
};

/** A kernel built without them has no such folder. */
async function hugePagesOf(source: Source): Promise<string | null> {
  const text = await source.text('/sys/kernel/mm/transparent_hugepage/enabled');
  if (text !== undefined) return parseChoice(text);
  return (await source.exists('/sys/kernel/mm')) ? 'never' : null;
}

export const collectLimits: Collector<'limits'> = async (source) => {
  const own = parseOpenFiles((await source.text('/proc/self/limits')) ?? '');
  if (own === undefined) throw new Error('/proc/self/limits has no row of open files');
  const pid = await findEngineProcess(source);
  const engine = pid === undefined ? undefined : await source.text(`/proc/${pid}/limits`);
  return { openFiles: own, engineOpenFiles: parseOpenFiles(engine ?? '') ?? null };
};

async function findEngineProcess(source: Source): Promise<string | undefined> {
  for (const pid of await source.list('/proc')) {
    if (/^\d+$/.test(pid) && (await source.text(`/proc/${pid}/comm`))?.trim() === 'dockerd') return pid;
  }
  return undefined;
}

export const collectCgroup: Collector<'cgroup'> = (source) => readCgroups(source);
