import t from 'tap';
import { GIB } from '../../../src/base/units.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { machineLimits, parseCpuMax, readCgroups, visibleGroup } from '../../../src/machine/cgroup-tree.ts';
import { collectCpu } from '../../../src/machine/collectors/cpu.ts';
import { collectMemory } from '../../../src/machine/collectors/memory.ts';
import type { CollectContext } from '../../../src/machine/collectors/context.ts';
import { createSource } from '../../../src/machine/source.ts';
import { buildTree } from './fixtures/tree.ts';

const context = { paths: pathsUnder('/'), ports: [] } as unknown as CollectContext; // neither collector asks the engine

const common = {
  '/proc/cpuinfo': 'model name\t: A\nflags\t: aes\n',
  '/sys/devices/system/cpu/online': '0-7\n',
  '/proc/1/status': 'Name:\tinit\nCpus_allowed_list:\t0-7\n',
  '/proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-7\n',
  '/proc/meminfo': 'MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n',
};
const v1Mount = (name: string, root = '/'): string =>
  `3${name.length} 31 0:30 ${root} /sys/fs/cgroup/${name} rw,relatime - cgroup cgroup rw,${name}`;
const v1Mounts = (root = '/'): string =>
  ['cpu', 'cpuset', 'memory'].map((name) => v1Mount(name, root)).join('\n');
const v2Mount = '31 30 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';

t.test('cpu.max is a fraction or no limit', async (t) => {
  t.equal(parseCpuMax('150000 100000\n'), 1.5);
  t.equal(parseCpuMax('max 100000\n'), null);
  t.equal(parseCpuMax(''), null);
});

t.test('cgroup v1: a quota of 1.5 processors and a memory limit are seen', async (t) => {
  const source = createSource(
    buildTree(t.testdir(), {
      ...common,
      '/proc/self/mountinfo': v1Mounts('/docker/abc'),
      '/proc/self/cgroup': '4:memory:/docker/abc\n3:cpuset:/docker/abc\n1:cpu:/docker/abc\n',
      '/proc/cgroups':
        '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\ncpuset\t3\t1\t1\nmemory\t4\t13\t1\npids\t8\t1\t0\nhugetlb\t9\t1\t1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpuset/cpuset.cpus': '0-7\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GIB}\n`,
    }),
  );
  const cpu = await collectCpu(source, context);
  t.equal(cpu.cpus, 1.5);
  t.equal(cpu.online, 8);
  const memory = await collectMemory(source, context);
  t.equal(memory.limitBytes, 2 * GIB);
  t.equal(memory.usableBytes, 2 * GIB);
  t.equal(memory.totalBytes, 16 * GIB);
  t.equal(memory.availableBytes, 2 * GIB, 'no more is available than may be used');
  const { version, controllers } = await readCgroups(source);
  t.equal(version, 'v1');
  t.strictSame(
    controllers.find((one) => one.name === 'pids'),
    { name: 'pids', enabled: false, mount: null },
  );
  t.strictSame(
    controllers.find((one) => one.name === 'hugetlb'),
    { name: 'hugetlb', enabled: true, mount: null },
  );
});

t.test("cgroup v1: the kernel's largest number is no limit, and a cpuset counts", async (t) => {
  const source = createSource(
    buildTree(t.testdir(), {
      ...common,
      '/proc/self/mountinfo': v1Mounts(),
      '/proc/self/cgroup': '4:memory:/\n3:cpuset:/\n1:cpu:/\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpuset/cpuset.effective_cpus': '2-4\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    }),
  );
  const cpu = await collectCpu(source, context);
  t.equal(cpu.cpus, 3);
  t.equal(cpu.quota, null);
  t.equal((await collectMemory(source, context)).limitBytes, null);
});

t.test('cgroup v2: the tightest of nested limits binds the containers', async (t) => {
  const source = createSource(
    buildTree(t.testdir(), {
      ...common,
      '/proc/self/mountinfo': v2Mount,
      '/proc/self/cgroup': '0::/user.slice/session-1.scope\n',
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
      '/sys/fs/cgroup/cpu.max': '600000 100000\n',
      '/sys/fs/cgroup/memory.max': `${8 * GIB}\n`,
      '/sys/fs/cgroup/cpuset.cpus.effective': '0-6\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '250000 100000\n',
      '/sys/fs/cgroup/system.slice/memory.max': `${6 * GIB}\n`,
      '/sys/fs/cgroup/system.slice/cpuset.cpus.effective': '0-3\n',
    }),
  );
  const cpu = await collectCpu(source, context);
  t.equal(cpu.cpus, 2.5);
  t.equal(cpu.cpuset, 4);
  t.equal((await collectMemory(source, context)).limitBytes, 6 * GIB);
  const { version, controllers } = await readCgroups(source);
  t.equal(version, 'v2');
  t.ok(controllers.every((one) => one.enabled && one.mount === '/sys/fs/cgroup'));
});

t.test("a limit on this process's own group is not taken for the machine's", async (t) => {
  const source = createSource(
    buildTree(t.testdir(), {
      ...common,
      '/proc/self/status': 'Cpus_allowed_list:\t0\n',
      '/proc/self/mountinfo': v2Mount,
      '/proc/self/cgroup': '0::/system.slice/onstead.service\n',
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu memory pids\n',
      '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/onstead.service/cpu.max': '50000 100000\n',
      '/sys/fs/cgroup/system.slice/onstead.service/memory.max': `${GIB / 4}\n`,
    }),
  );
  const cpu = await collectCpu(source, context);
  t.equal(cpu.cpus, 8);
  t.equal(cpu.ownCpus, 0.5);
  const memory = await collectMemory(source, context);
  t.equal(memory.usableBytes, 16 * GIB);
  t.equal(memory.ownLimitBytes, GIB / 4);
});

t.test('a machine without control groups still has processors and memory', async (t) => {
  const source = createSource(
    buildTree(t.testdir(), { ...common, '/proc/1/status': 'Cpus_allowed_list:\t0-1\n' }),
  );
  t.equal((await collectCpu(source, context)).cpus, 2);
  t.equal((await collectMemory(source, context)).usableBytes, 16 * GIB);
  t.equal((await readCgroups(source)).version, 'none');
});

t.test('without /proc both say so', async (t) => {
  const source = createSource(t.testdir());
  await t.rejects(collectCpu(source, context), /names no processor/);
  await t.rejects(collectMemory(source, context), /meminfo/);
});

t.test('a group is found where it is visible', async (t) => {
  t.equal(visibleGroup('/', '/a/b'), '/a/b');
  t.equal(visibleGroup('/docker/abc', '/docker/abc'), '/');
  t.equal(visibleGroup('/docker/abc', '/docker/abc/x'), '/x');
  t.equal(visibleGroup('/docker/abc', '/elsewhere'), '/');
  t.equal(visibleGroup('/', '/../../other'), '/');
});

t.test('limits of several groups combine to the tightest', async (t) => {
  const none = { cpus: null, cpuset: null, memoryBytes: null };
  t.strictSame(machineLimits([{ group: '/', scope: 'own', ...none, cpus: 1 }]), none);
  const both = machineLimits([
    { group: '/', scope: 'machine', cpus: 3, cpuset: '0-3', memoryBytes: null },
    { group: '/docker', scope: 'machine', cpus: null, cpuset: '2-5', memoryBytes: 5 },
  ]);
  t.equal(both.cpus, 3);
  t.strictSame([...both.cpuset!], [2, 3]);
  t.equal(both.memoryBytes, 5);
});
