// What control groups allow. Containers live beside this process, not below it: a limit on the daemon's own group
// must not be taken for the machine's. So limits are read at the top that is visible here and at the groups that
// engines put containers into; this process's own chain is kept apart.

import { join, relative } from 'node:path';
import type { CgroupFacts, CgroupLimits } from './facts.ts';
import { parseMountinfo, type Mount } from './parse/mounts.ts';
import { inBoth, parseCpuList, parseNumber } from './parse/proc.ts';
import type { Source } from './source.ts';

/** Above this a v1 memory limit means "none": the kernel prints the largest page-aligned number. */
const NO_LIMIT_BYTES = 2 ** 60;
/** Where the engine puts containers: with the cgroupfs driver, and with systemd's. */
const CONTAINER_PARENTS = ['/', '/docker', '/system.slice'];

export interface Hierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly mount: Mount;
}

export async function readCgroups(source: Source): Promise<CgroupFacts> {
  const hierarchies = await findHierarchies(source);
  const own = parseOwnGroups((await source.text('/proc/self/cgroup')) ?? '');
  const shared = await Promise.all(CONTAINER_PARENTS.map((group) => limitsOf(source, hierarchies, group)));
  const mine = await ownLimits(source, hierarchies, own);
  return {
    version: versionOf(hierarchies),
    controllers: await controllersOf(source, hierarchies),
    limits: [...shared, mine].filter((limits) => limits !== undefined),
  };
}

/** In the order of mounting: the last one on a point is the one that is visible. */
async function findHierarchies(source: Source): Promise<readonly Hierarchy[]> {
  const mounts = parseMountinfo((await source.text('/proc/self/mountinfo')) ?? '');
  const found: Hierarchy[] = [];
  for (const mount of mounts) {
    if (mount.filesystem === 'cgroup') {
      found.push({ version: 1, controllers: [...mount.superOptions], mount });
    } else if (mount.filesystem === 'cgroup2') {
      const names = (await source.text(join(mount.point, 'cgroup.controllers'))) ?? '';
      found.push({ version: 2, controllers: names.split(/\s+/).filter((name) => name !== ''), mount });
    }
  }
  return found;
}

/** /proc/self/cgroup: controller → group; the v2 group stands under the empty name. */
function parseOwnGroups(text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match !== null) for (const name of match[1]!.split(',')) groups.set(name, match[2]!);
  }
  return groups;
}

function versionOf(hierarchies: readonly Hierarchy[]): CgroupFacts['version'] {
  const has = (version: number): boolean => hierarchies.some((one) => one.version === version);
  if (has(1)) return has(2) ? 'hybrid' : 'v1';
  return has(2) ? 'v2' : 'none';
}

async function controllersOf(
  source: Source,
  hierarchies: readonly Hierarchy[],
): Promise<CgroupFacts['controllers']> {
  const controllers = new Map<string, { enabled: boolean; mount: string | null }>();
  const v1 = versionOf(hierarchies) !== 'v2';
  for (const line of v1 ? ((await source.text('/proc/cgroups')) ?? '').split('\n') : []) {
    const [name, , , enabled] = line.split('\t');
    if (enabled === undefined || name!.startsWith('#')) continue;
    controllers.set(name!, { enabled: enabled.trim() === '1', mount: null });
  }
  for (const { version, controllers: names, mount } of hierarchies) {
    for (const name of names) {
      if (version === 2 || controllers.has(name))
        controllers.set(name, { enabled: true, mount: mount.point });
    }
  }
  return [...controllers].map(([name, rest]) => ({ name, ...rest }));
}

async function limitsOf(
  source: Source,
  hierarchies: readonly Hierarchy[],
  group: string,
): Promise<CgroupLimits | undefined> {
  const folder = (name: string): { version: 1 | 2; path: string } | undefined => {
    const hierarchy = hierarchies.findLast((one) => one.controllers.includes(name));
    return hierarchy && { version: hierarchy.version, path: join(hierarchy.mount.point, group) };
  };
  const limits: CgroupLimits = {
    group,
    scope: 'machine',
    cpus: await cpuQuota(source, folder('cpu')),
    cpuset: await cpuset(source, folder('cpuset')),
    memoryBytes: await memoryLimit(source, folder('memory')),
  };
  const none = limits.cpus === null && limits.cpuset === null && limits.memoryBytes === null;
  return none ? undefined : limits;
}

type Folder = { readonly version: 1 | 2; readonly path: string } | undefined;

async function cpuQuota(source: Source, folder: Folder): Promise<number | null> {
  if (folder === undefined) return null;
  if (folder.version === 2) return parseCpuMax((await source.text(join(folder.path, 'cpu.max'))) ?? '');
  const quota = parseNumber(await source.text(join(folder.path, 'cpu.cfs_quota_us')));
  const period = parseNumber(await source.text(join(folder.path, 'cpu.cfs_period_us')));
  return quota === null || period === null || quota <= 0 || period <= 0 ? null : quota / period;
}

/** `150000 100000` → 1.5; `max 100000` → null. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : null;
}

async function cpuset(source: Source, folder: Folder): Promise<string | null> {
  if (folder === undefined) return null;
  const name = folder.version === 2 ? 'cpuset.cpus.effective' : 'cpuset.effective_cpus';
  const text =
    (await source.text(join(folder.path, name))) ?? (await source.text(join(folder.path, 'cpuset.cpus')));
  return text === undefined || parseCpuList(text).size === 0 ? null : text.trim();
}

async function memoryLimit(source: Source, folder: Folder): Promise<number | null> {
  if (folder === undefined) return null;
  const name = folder.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  const bytes = parseNumber(await source.text(join(folder.path, name)));
  return bytes === null || bytes < 0 || bytes >= NO_LIMIT_BYTES ? null : bytes;
}

/** The tightest of each along this process's own chain, up to the top that is visible here. */
async function ownLimits(
  source: Source,
  hierarchies: readonly Hierarchy[],
  own: ReadonlyMap<string, string>,
): Promise<CgroupLimits> {
  const along = (name: string): string[] => {
    const hierarchy = hierarchies.findLast((one) => one.controllers.includes(name));
    const group = own.get(hierarchy?.version === 2 ? '' : name) ?? '/';
    return chainOf(hierarchy === undefined ? '/' : visibleGroup(hierarchy.mount.root, group));
  };
  const each = async (name: string): Promise<CgroupLimits[]> => {
    const found = await Promise.all(along(name).map((group) => limitsOf(source, hierarchies, group)));
    return found.filter((limits) => limits !== undefined);
  };
  const cpusets = (await each('cpuset')).map((limits) => limits.cpuset).filter((set) => set !== null);
  return {
    group: own.get('memory') ?? own.get('') ?? '/',
    scope: 'own',
    cpus: least((await each('cpu')).map((limits) => limits.cpus)),
    cpuset: cpusets.at(-1) ?? null,
    memoryBytes: least((await each('memory')).map((limits) => limits.memoryBytes)),
  };
}

/** A container sees its own group mounted as the top: then the path in /proc/self/cgroup must lose that part. */
export function visibleGroup(mountRoot: string, group: string): string {
  if (mountRoot === '/') return group.startsWith('/..') ? '/' : group;
  const inside = relative(mountRoot, group);
  return inside.startsWith('..') ? '/' : join('/', inside);
}

/** `/a/b` → `/`, `/a`, `/a/b`. */
function chainOf(group: string): string[] {
  const parts = group.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** What binds every container on this machine: the tightest of each. */
export function machineLimits(limits: readonly CgroupLimits[]): {
  readonly cpus: number | null;
  readonly cpuset: ReadonlySet<number> | null;
  readonly memoryBytes: number | null;
} {
  const shared = limits.filter((one) => one.scope === 'machine');
  const sets = shared.flatMap((one) => (one.cpuset === null ? [] : [parseCpuList(one.cpuset)]));
  return {
    cpus: least(shared.map((one) => one.cpus)),
    cpuset: sets.length === 0 ? null : sets.reduce(inBoth),
    memoryBytes: least(shared.map((one) => one.memoryBytes)),
  };
}

/** Null stands for "no limit". */
function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
