// Kernel settings, limits and control groups that databases and containers live by.

import { check, fail, pass, unknown, warn, type Check, type Finding } from './check.ts';

const FEWEST_OPEN_FILES = 4_096;

export const settingChecks: readonly Check[] = [
  check({
    id: 'cgroup-controllers',
    area: 'system',
    title: 'Control groups',
    needed: 'the controllers memory, cpu and pids',
    remedy:
      'Debian family: add `cgroup_enable=memory swapaccount=1` to GRUB_CMDLINE_LINUX in /etc/default/grub and run `update-grub`; RHEL family: grubby --update-kernel=ALL --args=cgroup_enable=memory. Then restart the machine.',
    needs: ['cgroup'],
    judge: ({ cgroup, engine }) => {
      const usable = (name: string): boolean =>
        cgroup.controllers.some((one) => one.name === name && one.enabled && one.mount !== null);
      const lacking = ['memory', 'cpu', 'pids'].filter((name) => !usable(name));
      if (lacking.length > 0) return fail(`without ${lacking.join(', ')} (cgroup ${cgroup.version})`);
      const { details } = engine ?? {};
      const refused = details && !(details.memoryLimit && details.cpuQuota && details.pidsLimit);
      if (refused) return fail(`the engine cannot limit memory, CPU or processes (cgroup ${cgroup.version})`);
      return pass(`memory, cpu and pids (cgroup ${cgroup.version})`);
    },
  }),
  check({
    id: 'cgroup-mounts',
    area: 'system',
    title: 'Mounts of the control groups',
    needed: 'every enabled v1 controller mounted, or the engine counts no memory and CPU',
    remedy:
      'Mount the ones named, before the engine starts: mount -t cgroup -o NAME cgroup /sys/fs/cgroup/NAME',
    needs: ['cgroup'],
    judge: ({ cgroup }) => {
      if (cgroup.version === 'v2') return pass('cgroup v2');
      if (cgroup.version === 'none') return fail('no control groups are mounted');
      const names = cgroup.controllers
        .filter((one) => one.enabled && one.mount === null)
        .map((one) => one.name);
      if (names.length === 0) return pass(`all mounted (cgroup ${cgroup.version})`);
      return warn(`enabled and not mounted: ${names.join(', ')}`, { fix: mountCommands(names) });
    },
  }),
  check({
    id: 'open-files',
    area: 'system',
    title: 'Limit on open files',
    needed: 'enough for a database and many connections',
    remedy:
      'systemctl edit docker, write `[Service]` and `LimitNOFILE=1048576`, then systemctl daemon-reload && systemctl restart docker. Without systemd: `ulimit -n 1048576` before the engine starts.',
    needs: ['limits'],
    judge: ({ limits }, { openFiles }) => {
      const { hard } = limits.engineOpenFiles ?? limits.openFiles;
      const whose =
        limits.engineOpenFiles === null ? 'here; the engine was not seen' : "in the engine's containers";
      const needed = `${openFiles}`;
      if (hard === null) return pass('without limit', needed);
      if (hard < FEWEST_OPEN_FILES) return fail(`${hard} ${whose}`, { needed });
      return hard < openFiles ? warn(`${hard} ${whose}`, { needed }) : pass(`${hard} ${whose}`, needed);
    },
  }),
  check({
    id: 'huge-pages',
    area: 'system',
    title: 'Transparent huge pages',
    needed: 'madvise or never: "always" makes Redis and MySQL stall and grow',
    remedy:
      'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled; to keep it, add transparent_hugepage=madvise to the kernel command line.',
    needs: ['kernel'],
    judge: ({ kernel }) => {
      if (kernel.hugePages === null) return unknown('The kernel does not say.');
      return kernel.hugePages === 'always' ? warn('always') : pass(kernel.hugePages);
    },
  }),
  check({
    id: 'overcommit',
    area: 'system',
    title: 'Memory overcommit',
    needed: '1, so that Redis can fork to save; never 2',
    remedy:
      'echo vm.overcommit_memory=1 > /etc/sysctl.d/60-onstead.conf && sysctl -p /etc/sysctl.d/60-onstead.conf',
    needs: ['kernel'],
    judge: ({ kernel }) => {
      const mode = kernel.overcommitMemory;
      if (mode === null) return unknown('The kernel does not say.');
      if (mode === 1) return pass('1');
      return warn(
        mode === 2
          ? '2: the kernel refuses memory that is free'
          : `${mode}: saving can fail when memory is short`,
      );
    },
  }),
  check({
    id: 'listen-backlog',
    area: 'system',
    title: 'Waiting connections',
    needed: 'net.core.somaxconn of 511 or more',
    remedy:
      'echo net.core.somaxconn=4096 > /etc/sysctl.d/61-onstead.conf && sysctl -p /etc/sysctl.d/61-onstead.conf',
    needs: ['kernel'],
    judge: ({ kernel }) => judgeAtLeast(kernel.somaxconn, 511),
  }),
  check({
    id: 'async-io',
    area: 'system',
    title: 'Asynchronous I/O for MySQL',
    needed: 'room in fs.aio-max-nr',
    remedy:
      'echo fs.aio-max-nr=1048576 > /etc/sysctl.d/62-onstead.conf && sysctl -p /etc/sysctl.d/62-onstead.conf',
    needs: ['kernel'],
    judge: ({ kernel }, { asyncIo }) =>
      judgeAtLeast(
        kernel.aioMax === null || kernel.aioUsed === null ? null : kernel.aioMax - kernel.aioUsed,
        asyncIo,
      ),
  }),
];

function judgeAtLeast(value: number | null, minimum: number): Finding {
  if (value === null) return unknown('The kernel does not say.');
  return value >= minimum ? pass(`${value}`, `${minimum}`) : warn(`${value}`, { needed: `${minimum}` });
}

/** net_cls and net_prio share one hierarchy wherever both exist; mounted apart, the second mount fails. */
function mountCommands(names: readonly string[]): string {
  const paired = names.includes('net_cls') && names.includes('net_prio');
  const groups = paired
    ? [...names.filter((name) => !name.startsWith('net_')), 'net_cls,net_prio']
    : [...names];
  const commands = groups.map(
    (name) => `mkdir -p /sys/fs/cgroup/${name} && mount -t cgroup -o ${name} cgroup /sys/fs/cgroup/${name}`,
  );
  return `${commands.join(' && ')}; then restart the engine`;
}
