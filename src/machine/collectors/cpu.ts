// How many processors containers may use here, and what those processors can.

import { machineLimits, readCgroups } from '../cgroup-tree.ts';
import type { CpuFacts } from '../facts.ts';
import { inBoth, parseCpuinfo, parseCpuList, parseFields } from '../parse/proc.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

const FEATURES = ['sse4_2', 'popcnt', 'avx2', 'aes', 'sha_ni', 'asimd', 'sha2', 'hypervisor'];

export const collectCpu: Collector<'cpu'> = async (source) => {
  const info = parseCpuinfo((await source.text('/proc/cpuinfo')) ?? '');
  const online = parseCpuList((await source.text('/sys/devices/system/cpu/online')) ?? '');
  if (online.size === 0) throw new Error('/sys/devices/system/cpu/online names no processor');
  const { limits } = await readCgroups(source);
  const machine = machineLimits(limits);
  // The engine descends from init; this process may have been pinned on its own.
  const affinity = (await affinityOf(source, '1')) ?? (await affinityOf(source, 'self'));
  const quota = machine.cpus;
  const own = limits.find((one) => one.scope === 'own');
  const ownSets = [await affinityOf(source, 'self'), own?.cpuset ? parseCpuList(own.cpuset) : undefined];
  return {
    cpus: countOf(online, [affinity, machine.cpuset ?? undefined], quota),
    online: online.size,
    affinity: affinity?.size ?? null,
    cpuset: machine.cpuset?.size ?? null,
    quota,
    ownCpus: countOf(online, ownSets, own?.cpus ?? null),
    model: printable(info.model),
    features: FEATURES.filter((name) => info.flags.has(name)),
  } satisfies CpuFacts;
};

async function affinityOf(source: Source, pid: string): Promise<ReadonlySet<number> | undefined> {
  const list = parseFields((await source.text(`/proc/${pid}/status`)) ?? '').get('Cpus_allowed_list');
  const cpus = parseCpuList(list ?? '');
  return cpus.size === 0 ? undefined : cpus;
}

function countOf(
  online: ReadonlySet<number>,
  sets: readonly (ReadonlySet<number> | undefined)[],
  quota: number | null,
): number {
  const allowed = sets.reduce<ReadonlySet<number>>((all, set) => (set ? inBoth(all, set) : all), online);
  const count = Math.max(allowed.size, 1);
  return quota === null ? count : Math.min(count, quota);
}
