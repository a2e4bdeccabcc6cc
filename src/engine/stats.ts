// One look at what a container uses. Pure but for the call.

import type { ContainerStats } from 'dockerode';
import type { Link } from './link.ts';

export interface ContainerUsage {
  readonly at: Date;
  /** 100 is one core. Measured over the engine's own second. */
  readonly cpuPercent: number;
  /** Since the container's start, so that a poller can build its own rate. */
  readonly cpuSeconds: number;
  /** Without the page cache that the kernel would give back. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly processes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Takes one to two seconds: the engine measures twice. Undefined where the container does not run. */
export async function readUsage(link: Link, id: string): Promise<ContainerUsage | undefined> {
  const raw = await link.callIfAny(`measure container ${id.slice(0, 12)}`, (docker, abortSignal) =>
    docker.getContainer(id).stats({ stream: false, abortSignal } as { stream: false }),
  );
  return raw === undefined ? undefined : usageFrom(raw);
}

export function usageFrom(raw: ContainerStats): ContainerUsage | undefined {
  const { cpu_stats: cpu, precpu_stats: before, memory_stats: memory } = raw;
  if (cpu?.system_cpu_usage === undefined || memory?.usage === undefined) return undefined;
  const used = cpu.cpu_usage.total_usage - (before?.cpu_usage?.total_usage ?? 0);
  const passed = cpu.system_cpu_usage - (before?.system_cpu_usage ?? 0);
  const cores = cpu.online_cpus || (cpu.cpu_usage.percpu_usage?.length ?? 1);
  const networks = Object.values(raw.networks ?? {});
  return {
    at: new Date(raw.read),
    cpuPercent: passed > 0 && used > 0 ? (used / passed) * cores * 100 : 0,
    cpuSeconds: cpu.cpu_usage.total_usage / 1e9,
    memoryBytes: Math.max(0, memory.usage - cacheOf(memory.stats)),
    memoryLimitBytes: memory.limit,
    processes: raw.pids_stats?.current ?? 0,
    receivedBytes: networks.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    sentBytes: networks.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
    readBytes: bytesOf(raw, 'read'),
    writtenBytes: bytesOf(raw, 'write'),
  };
}

/** cgroup v2 calls it `inactive_file`, v1 `total_inactive_file`. */
function cacheOf(stats: object | undefined): number {
  const named = (stats ?? {}) as Record<string, number | undefined>;
  return named['total_inactive_file'] ?? named['inactive_file'] ?? 0;
}

function bytesOf(raw: ContainerStats, op: string): number {
  const rows = raw.blkio_stats?.io_service_bytes_recursive ?? [];
  return rows.filter((row) => row.op.toLowerCase() === op).reduce((sum, row) => sum + row.value, 0);
}
