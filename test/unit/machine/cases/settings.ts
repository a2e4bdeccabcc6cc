// Settings of the kernel and what an earlier installation left, and what a person is told.

import { engine, type Case } from './case.ts';

export const settingsCases: readonly Case[] = [
  {
    when: 'the memory controller is disabled',
    id: 'cgroup-controllers',
    status: 'fail',
    change: (f) => (f.cgroup.controllers.find((one) => one.name === 'memory')!.enabled = false),
    says: /without memory/,
    fix: /cgroup_enable=memory/,
  },
  {
    when: 'the engine cannot limit CPU',
    id: 'cgroup-controllers',
    status: 'fail',
    change: (f) => (engine(f).cpuQuota = false),
  },
  {
    when: 'v1 controllers are enabled and not mounted',
    id: 'cgroup-mounts',
    status: 'warn',
    change: (f) => f.cgroup.controllers.forEach((one) => /net_|perf/.test(one.name) && (one.mount = null)),
    says: /net_cls, net_prio, perf_event/,
    fix: /mount -t cgroup -o net_cls,net_prio cgroup/,
  },
  {
    when: 'no control groups are mounted',
    id: 'cgroup-mounts',
    status: 'fail',
    change: (f) => (f.cgroup.version = 'none'),
  },
  {
    when: "the engine's limit is 10,000 files",
    id: 'open-files',
    status: 'warn',
    change: (f) => (f.limits.engineOpenFiles!.hard = 10_000),
  },
  {
    when: "the engine's limit is 1,024 files",
    id: 'open-files',
    status: 'fail',
    change: (f) => (f.limits.engineOpenFiles!.hard = 1_024),
    fix: /LimitNOFILE/,
  },
  {
    when: 'huge pages are always used',
    id: 'huge-pages',
    status: 'warn',
    change: (f) => (f.kernel.hugePages = 'always'),
  },
  {
    when: 'huge pages are not known',
    id: 'huge-pages',
    status: 'unknown',
    change: (f) => (f.kernel.hugePages = null),
  },
  {
    when: 'overcommit is 0',
    id: 'overcommit',
    status: 'warn',
    change: (f) => (f.kernel.overcommitMemory = 0),
  },
  {
    when: 'overcommit is not known',
    id: 'overcommit',
    status: 'unknown',
    change: (f) => (f.kernel.overcommitMemory = null),
  },
  {
    when: 'the backlog is 128',
    id: 'listen-backlog',
    status: 'warn',
    change: (f) => (f.kernel.somaxconn = 128),
  },
  {
    when: 'other databases use up asynchronous I/O',
    id: 'async-io',
    status: 'warn',
    change: (f) => (f.kernel.aioUsed = 65_000),
  },
  {
    when: 'asynchronous I/O is not known',
    id: 'async-io',
    status: 'unknown',
    change: (f) => (f.kernel.aioMax = null),
  },
];
