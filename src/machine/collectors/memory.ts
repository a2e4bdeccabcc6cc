// How much memory there is, how much of it may be used, and how much is free now.

import { machineLimits, readCgroups } from '../cgroup-tree.ts';
import { parseMeminfo } from '../parse/proc.ts';
import type { Collector } from './context.ts';

export const collectMemory: Collector<'memory'> = async (source) => {
  const meminfo = parseMeminfo((await source.text('/proc/meminfo')) ?? '');
  const totalBytes = meminfo.get('MemTotal');
  if (totalBytes === undefined) throw new Error('/proc/meminfo does not say how much memory there is');
  const { limits } = await readCgroups(source);
  const limitBytes = machineLimits(limits).memoryBytes;
  const usableBytes = Math.min(totalBytes, limitBytes ?? totalBytes);
  return {
    totalBytes,
    limitBytes,
    usableBytes,
    availableBytes: Math.min(usableBytes, meminfo.get('MemAvailable') ?? meminfo.get('MemFree') ?? 0),
    ownLimitBytes: limits.find((one) => one.scope === 'own')?.memoryBytes ?? null,
    swapTotalBytes: meminfo.get('SwapTotal') ?? 0,
    swapFreeBytes: meminfo.get('SwapFree') ?? 0,
  };
};
