import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { collectClock, isChronySynchronized } from '../../../src/machine/collectors/clock.ts';
import type { CollectContext } from '../../../src/machine/collectors/context.ts';
import { collectDisks } from '../../../src/machine/collectors/disks.ts';
import { collectKernel } from '../../../src/machine/collectors/kernel.ts';
import { collectNetwork, proxyOf } from '../../../src/machine/collectors/network.ts';
import { collectOs, familyOf } from '../../../src/machine/collectors/os.ts';
import { collectPaths } from '../../../src/machine/collectors/paths.ts';
import type { EngineFacts } from '../../../src/machine/facts.ts';
import { healthyFacts } from './fixtures/healthy.ts';
import { printable } from '../../../src/machine/printable.ts';
import { createSource } from '../../../src/machine/source.ts';
import { buildTree } from './fixtures/tree.ts';

const context = { paths: pathsUnder('/'), ports: [] } as unknown as CollectContext; // these ask no engine

t.test('a RHEL-like virtual machine with SELinux is described', async (t) => {
  const root = buildTree(
    t.testdir(),
    {
      '/etc/os-release':
        'ID="rocky"\nVERSION_ID="9.4"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.4"\n',
      '/proc/sys/kernel/osrelease': '5.14.0-427.el9.x86_64\n',
      '/proc/sys/kernel/hostname': 'box\n',
      '/proc/1/comm': 'systemd\n',
      '/run/systemd/system/x': '',
      '/sys/fs/selinux/enforce': '1',
      '/sys/module/x': '',
      '/proc/cpuinfo': 'flags\t: fpu hypervisor\n',
      '/sys/class/dmi/id/sys_vendor': 'QEMU\n',
    },
    { '/etc/localtime': '../usr/share/zoneinfo/Europe/Vienna', '/usr/lib64/ld-linux-x86-64.so.2': 'x' },
  );
  const os = await collectOs(createSource(root), context);
  t.match(os, {
    id: 'rocky',
    family: 'rhel',
    kernel: '5.14.0-427.el9.x86_64',
    systemd: true,
    selinux: 'enforcing',
    apparmor: false,
    virtualization: { kind: 'vm', name: 'QEMU' },
    timezone: 'Europe/Vienna',
    hostname: 'box',
  });
  t.equal(os.libc.kind, 'glibc');
});

t.test('Alpine in a container is described', async (t) => {
  const root = buildTree(t.testdir(), {
    '/etc/os-release': 'ID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME="Alpine Linux v3.20"\n',
    '/lib/ld-musl-x86_64.so.1': '',
    '/.dockerenv': '',
    '/etc/timezone': 'Etc/UTC\n',
  });
  const os = await collectOs(createSource(root), context);
  t.match(os, {
    id: 'alpine',
    family: 'other',
    libc: { kind: 'musl' },
    systemd: false,
    timezone: 'Etc/UTC',
    selinux: 'absent',
  });
  t.strictSame(os.virtualization, { kind: 'container', name: 'docker' });
});

t.test('an empty machine names nothing rather than guessing', async (t) => {
  const os = await collectOs(createSource(t.testdir()), context);
  t.match(os, {
    id: 'unknown',
    timezone: null,
    apparmor: null,
    hostname: '',
    libc: { kind: 'unknown', version: null },
  });
  t.equal(os.virtualization.kind, 'unknown');
});

t.test('families are told by likeness, not by name alone', async (t) => {
  t.equal(familyOf(['linuxmint', 'ubuntu', 'debian']), 'debian');
  t.equal(familyOf(['ol', 'fedora']), 'rhel');
  t.equal(familyOf(['arch']), 'other');
});

t.test('time services are heard, and files are witnesses', async (t) => {
  const root = buildTree(t.testdir(), {
    '/run/systemd/timesync/synchronized': '',
    '/var/lib/dpkg/status': '',
    '/sys/class/rtc/rtc0/since_epoch': '1000000000\n',
  });
  const clock = await collectClock(createSource(root), context);
  t.match(clock, { synchronized: true, by: 'systemd-timesyncd' });
  t.ok(clock.hardwareClockOffsetSeconds! < -500_000_000);
  t.strictSame(
    clock.evidence.map((one) => one.what),
    ['this program', 'the last change of installed packages'],
  );
  const none = await collectClock(createSource(t.testdir({})), context);
  t.equal(none.synchronized, null);
  t.equal(isChronySynchronized('Reference ID : 00\nLeap status     : Normal\n'), true);
  t.equal(isChronySynchronized('Leap status     : Not synchronised\n'), false);
  t.equal(isChronySynchronized(''), null);
});

t.test('interfaces tell speed and state as far as they know them', async (t) => {
  const root = buildTree(t.testdir(), {
    '/sys/class/net/eth0/device/x': '',
    '/sys/class/net/eth0/speed': '1000\n',
    '/sys/class/net/eth0/mtu': '1500\n',
    '/sys/class/net/eth0/operstate': 'up\n',
    '/sys/class/net/eth1/speed': '-1\n',
    '/sys/class/net/eth1/operstate': 'down\n',
    '/sys/class/net/lo/operstate': 'unknown\n',
    '/sys/class/net/lo/carrier': '1\n',
  });
  const { interfaces, defaultRoute } = await collectNetwork(createSource(root), context);
  const by = (name: string): unknown => interfaces.find((one) => one.name === name);
  t.match(by('eth0'), { kind: 'physical', up: true, speedMbps: 1_000, mtu: 1_500 });
  t.match(by('eth1'), { kind: 'virtual', up: false, speedMbps: null, mtu: null });
  t.match(by('lo'), { kind: 'loopback', up: true });
  t.equal(defaultRoute, null);
});

t.test('proxies are named and their passwords are not', async (t) => {
  const proxy = proxyOf({ HTTPS_PROXY: 'http://user:hunter2@proxy', NO_PROXY: 'example.com, localhost' });
  t.strictSame(proxy, { variables: ['HTTPS_PROXY'], sparesLocalhost: true });
  t.equal(proxyOf({ http_proxy: 'x', no_proxy: '.example' }).sparesLocalhost, false);
});

t.test('what an earlier install left is listed, and a dangling link is no version', async (t) => {
  const root = buildTree(
    t.testdir(),
    {
      '/opt/onstead/1.0.0/node': '',
      '/opt/onstead/1.1.0/node': '',
      '/var/lib/onstead/state.db': '',
      '/var/lib/onstead/secrets/a': '',
    },
    { '/opt/onstead/current': '1.1.0' },
  );
  const { previous, folders } = await collectPaths(createSource(root), context);
  t.strictSame(previous, {
    versions: ['1.0.0', '1.1.0'],
    current: '1.1.0',
    database: true,
    machineKey: false,
    secrets: true,
    stack: false,
  });
  t.match(
    folders.find((one) => one.path === '/var/lib/onstead'),
    { exists: true, problem: null },
  );
  t.match(
    folders.find((one) => one.path === '/etc/onstead'),
    { exists: false, probedAt: '/' },
  );
  const dangling = createSource(buildTree(t.testdir(), {}, { '/opt/onstead/current': '9.9.9' }));
  t.equal((await collectPaths(dangling, context)).previous.current, null);
});

t.test('it is seen what stands under opened secrets, and whether nsenter is there', async (t) => {
  const disk = '24 1 254:0 / / rw - ext4 /dev/vda rw\n';
  const memory = '25 24 0:23 / /run rw - tmpfs tmpfs rw\n';
  for (const [mountinfo, filesystem] of [
    [disk + memory, 'tmpfs'],
    [disk, 'ext4'],
    ['', null],
  ] as const) {
    const root = buildTree(t.testdir(), { '/proc/self/mountinfo': mountinfo, '/run/x': '' });
    const { opened } = await collectPaths(createSource(root), context);
    t.strictSame(opened, { path: '/run/onstead/secrets', filesystem });
  }
  const root = buildTree(t.testdir(), { '/usr/bin/nsenter': '' });
  t.equal((await collectOs(createSource(root), context)).nsenter, null, 'it may not be run');
  chmodSync(join(root, '/usr/bin/nsenter'), 0o755);
  t.equal((await collectOs(createSource(root), context)).nsenter, '/usr/bin/nsenter');
});

t.test('a program is found by name or path, and a missing one is no failure', async (t) => {
  const source = createSource();
  t.match(await source.which('sh'), /\/sh$/);
  t.equal(await source.which('/bin/sh'), '/bin/sh');
  t.equal(await source.which('no-such-program-here'), undefined);
  t.equal(await source.command('no-such-program-here', []), undefined);
  t.match(await source.command('sh', ['-c', 'echo out; exit 3']), { code: 3, stdout: 'out\n' });
  t.strictSame(source.unseen, []);
});

t.test('control characters and endless names are made harmless', async (t) => {
  t.equal(printable('a\u001b[31mb\u202e\n'), 'a?[31mb??');
  t.equal(printable('x'.repeat(500)).length, 200);
});

t.test('a kernel without huge pages never uses them, and an unreadable one is not guessed', async (t) => {
  const without = createSource(buildTree(t.testdir(), { '/sys/kernel/mm/ksm/run': '0' }));
  t.equal((await collectKernel(without, context)).hugePages, 'never');
  t.equal((await collectKernel(createSource(t.testdir({})), context)).hugePages, null);
});

t.test('the engine that is not running yet is looked up in its settings', async (t) => {
  const root = buildTree(t.testdir(), {
    '/etc/docker/daemon.json': '{ "data-root": "/srv/docker" }',
    '/proc/self/mountinfo': '27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 254:9 / /srv rw - xfs /dev/vdb rw\n',
    '/srv/x': '',
  });
  const engine = async (): Promise<EngineFacts> => ({
    ...(healthyFacts().engine as EngineFacts),
    details: null,
  });
  const { folders } = await collectDisks(createSource(root), { ...context, engine });
  t.match(
    folders.find((one) => one.role === 'engine'),
    { path: '/srv/docker', probedAt: '/srv', mount: '/srv', filesystem: 'xfs', device: '/dev/vdb' },
  );
});
