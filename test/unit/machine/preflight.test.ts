import t from 'tap';
import { Check } from 'typebox/value';
import { GIB } from '../../../src/base/units.ts';
import { defaultDemand, type MachineDemand } from '../../../src/machine/demand.ts';
import { FACT_NAMES, type MachineFacts } from '../../../src/machine/facts.ts';
import { analyzeFacts, CHECKS, PreflightReport, type CheckStatus } from '../../../src/machine/preflight.ts';
import { healthyFacts, type Draft } from './fixtures/healthy.ts';

interface Case {
  readonly when: string;
  readonly id: string;
  readonly status: CheckStatus;
  readonly change: (facts: Draft) => void;
  readonly demand?: Partial<MachineDemand>;
  /** What the person must be told. */
  readonly says?: RegExp;
  readonly fix?: RegExp;
}

const RELEASE: Partial<MachineDemand> = { arch: 'x64', project: 'notes' };

function judgeOne(one: Case): { status: string; found: string; fix: string | null; needed: string } {
  const facts = healthyFacts();
  one.change(facts);
  const demand = { ...defaultDemand, ...RELEASE, ...one.demand };
  return analyzeFacts(facts as MachineFacts, demand).checks.find((check) => check.id === one.id)!;
}

const disk = (facts: Draft, role: string): Draft['disks']['folders'][number] =>
  facts.disks.folders.find((folder) => folder.role === role)!;
const engine = (facts: Draft): NonNullable<Draft['engine']['details']> => facts.engine.details!;
const someone = {
  id: 'b7'.repeat(32),
  name: 'their-db',
  image: 'postgres',
  running: true,
  project: 'shop',
  ours: false,
  publishedPorts: [],
};
const nothing = (): void => {};

const cases: readonly Case[] = [
  {
    when: 'the user is not root',
    id: 'root',
    status: 'fail',
    change: (f) => (f.os.uid = 1000),
    says: /1000/,
  },
  {
    when: 'the processor is 32-bit',
    id: 'architecture',
    status: 'fail',
    change: (f) => (f.os.arch = 'ia32'),
  },
  {
    when: 'the program is x64 on an ARM kernel',
    id: 'architecture',
    status: 'fail',
    change: (f) => (f.os.machine = 'aarch64'),
  },
  {
    when: 'the bundle is for ARM',
    id: 'bundle-architecture',
    status: 'fail',
    change: nothing,
    demand: { arch: 'arm64' },
    says: /arm64/,
  },
  {
    when: 'a quota leaves one and a half processors',
    id: 'cpu',
    status: 'fail',
    change: (f) => (f.cpu.cpus = 1.5),
    says: /1\.5 usable of 4/,
  },
  {
    when: 'the virtual processor lacks SSE 4.2',
    id: 'cpu-features',
    status: 'fail',
    change: (f) => (f.cpu.features = ['aes']),
    says: /sse4_2/,
  },
  {
    when: 'the processor lacks AES',
    id: 'cpu-features',
    status: 'warn',
    change: (f) => (f.cpu.features = ['sse4_2', 'popcnt']),
  },
  {
    when: 'the processor lists nothing',
    id: 'cpu-features',
    status: 'unknown',
    change: (f) => (f.cpu.features = []),
  },
  {
    when: 'a limit leaves 2 GB',
    id: 'memory',
    status: 'fail',
    change: (f) => (f.memory.usableBytes = 2 * GIB),
    says: /2 GB usable of 16 GB/,
  },
  {
    when: 'others use the memory',
    id: 'memory-available',
    status: 'warn',
    change: (f) => (f.memory.availableBytes = GIB),
  },
  {
    when: 'the stack itself uses the memory',
    id: 'memory-available',
    status: 'skip',
    change: (f) => {
      f.memory.availableBytes = GIB;
      engine(f).containers = [{ ...someone, ours: true }];
    },
  },
  {
    when: 'a small machine has no swap',
    id: 'swap',
    status: 'warn',
    change: (f) => Object.assign(f.memory, { swapTotalBytes: 0, usableBytes: 4 * GIB }),
    fix: /mkswap/,
  },
  { when: 'swap is nearly full', id: 'swap', status: 'warn', change: (f) => (f.memory.swapFreeBytes = 0) },
  {
    when: 'a large machine has no swap',
    id: 'swap',
    status: 'pass',
    change: (f) => (f.memory.swapTotalBytes = 0),
  },
  {
    when: 'it runs in a container',
    id: 'virtualization',
    status: 'warn',
    change: (f) => (f.os.virtualization = { kind: 'container', name: 'lxc' }),
  },
  {
    when: 'nobody tells what machine it is',
    id: 'virtualization',
    status: 'unknown',
    change: (f) => (f.os.virtualization = { kind: 'unknown', name: 'unknown' }),
  },

  {
    when: 'the shared disk holds each demand but not their sum',
    id: 'state-space',
    status: 'fail',
    change: (f) => f.disks.folders.forEach((one) => (one.freeBytes = 25 * GIB)),
    says: /25 GB free/,
    fix: /6\.3 GB more/,
  },
  {
    when: 'the state has a small disk of its own',
    id: 'state-space',
    status: 'fail',
    change: (f) => Object.assign(disk(f, 'state'), { device: '/dev/sdb1', freeBytes: GIB }),
  },
  {
    when: 'the state has a disk of its own that is enough',
    id: 'state-space',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'state'), { device: '/dev/sdb1', freeBytes: 11 * GIB }),
  },
  {
    when: "the engine's disk is full",
    id: 'engine-space',
    status: 'fail',
    change: (f) => (disk(f, 'engine').freeBytes = 0),
    fix: /du -xh/,
  },
  {
    when: '/opt is full',
    id: 'program-space',
    status: 'fail',
    change: (f) => (disk(f, 'programs').freeBytes = 0),
  },
  {
    when: '/tmp is full',
    id: 'temporary-space',
    status: 'fail',
    change: (f) => (disk(f, 'temporary').freeBytes = 0),
  },
  {
    when: 'inodes run out',
    id: 'inodes',
    status: 'fail',
    change: (f) => (disk(f, 'engine').inodesFree = 1_000),
  },
  {
    when: 'btrfs has no fixed number of inodes',
    id: 'inodes',
    status: 'skip',
    change: (f) => f.disks.folders.forEach((one) => (one.inodesFree = null)),
  },
  {
    when: 'the state is on NFS',
    id: 'filesystem',
    status: 'fail',
    change: (f) => (disk(f, 'state').filesystem = 'nfs4'),
    says: /nfs4 under \/var\/lib\/onstead/,
  },
  {
    when: "the engine's data is in memory",
    id: 'filesystem',
    status: 'fail',
    change: (f) => (disk(f, 'engine').filesystem = 'tmpfs'),
  },
  {
    when: 'the file system is one nobody tried',
    id: 'filesystem',
    status: 'warn',
    change: (f) => (disk(f, 'engine').filesystem = 'overlay'),
  },
  {
    when: 'xfs was made without entry types',
    id: 'xfs-ftype',
    status: 'fail',
    change: (f) => Object.assign(disk(f, 'engine'), { filesystem: 'xfs', xfsFtype: false }),
  },
  {
    when: 'xfs has entry types',
    id: 'xfs-ftype',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'engine'), { filesystem: 'xfs', xfsFtype: true }),
  },
  {
    when: 'neither xfs_info nor an engine tells',
    id: 'xfs-ftype',
    status: 'unknown',
    change: (f) => {
      disk(f, 'engine').filesystem = 'xfs';
      f.engine.details = null;
    },
    fix: /xfsprogs/,
  },
  {
    when: 'a flush takes 30 ms',
    id: 'flush-latency',
    status: 'warn',
    change: (f) => (disk(f, 'state').flush!.medianMs = 30),
    says: /30 ms/,
  },
  {
    when: 'a flush takes 150 ms',
    id: 'flush-latency',
    status: 'fail',
    change: (f) => (disk(f, 'engine').flush!.medianMs = 150),
  },
  {
    when: 'flushes were not measured',
    id: 'flush-latency',
    status: 'unknown',
    change: (f) => f.disks.folders.forEach((one) => (one.flush = null)),
  },
  {
    when: 'the disk spins',
    id: 'rotational',
    status: 'warn',
    change: (f) =>
      Object.assign(disk(f, 'state'), {
        rotational: true,
        disks: ['sda'],
        flush: { samples: 64, medianMs: 9, p99Ms: 20 },
      }),
    says: /sda/,
  },
  {
    when: 'a virtual disk only claims to spin',
    id: 'rotational',
    status: 'pass',
    change: (f) => Object.assign(disk(f, 'state'), { rotational: true, disks: ['vda'] }),
  },
  {
    when: 'a virtual disk claims to spin and was not measured',
    id: 'rotational',
    status: 'unknown',
    change: (f) => Object.assign(disk(f, 'state'), { rotational: true, disks: ['vda'], flush: null }),
  },
  {
    when: 'the kernel knows no disk',
    id: 'rotational',
    status: 'unknown',
    change: (f) => (disk(f, 'state').rotational = null),
  },
  {
    when: '/opt is mounted noexec',
    id: 'mount-options',
    status: 'fail',
    change: (f) => (disk(f, 'programs').noExec = true),
    fix: /remount,exec/,
  },
  {
    when: '/opt is read-only',
    id: 'writable',
    status: 'fail',
    change: (f) => (disk(f, 'programs').readOnly = true),
    says: /\/opt\/onstead/,
  },
  {
    when: '/var/lib may not be written',
    id: 'writable',
    status: 'fail',
    change: (f) => (f.paths.folders[0]!.problem = 'permission denied'),
    says: /permission denied/,
  },

  {
    when: 'the system is Debian 11',
    id: 'operating-system',
    status: 'warn',
    change: (f) => (f.os.versionId = '11'),
  },
  {
    when: 'the system is Rocky 9.4',
    id: 'operating-system',
    status: 'pass',
    change: (f) => Object.assign(f.os, { id: 'rocky', versionId: '9.4' }),
  },
  {
    when: 'the kernel is 3.10',
    id: 'kernel',
    status: 'fail',
    change: (f) => (f.os.kernel = '3.10.0-1160.el7.x86_64'),
  },
  { when: 'the kernel has no number', id: 'kernel', status: 'unknown', change: (f) => (f.os.kernel = '') },
  {
    when: 'the C library is musl',
    id: 'libc',
    status: 'fail',
    change: (f) => (f.os.libc = { kind: 'musl', version: null }),
  },
  { when: 'glibc is 2.17', id: 'libc', status: 'fail', change: (f) => (f.os.libc.version = '2.17') },
  {
    when: 'glibc does not tell its version',
    id: 'libc',
    status: 'unknown',
    change: (f) => (f.os.libc.version = null),
  },
  {
    when: 'there is no systemd',
    id: 'init',
    status: 'warn',
    change: (f) => Object.assign(f.os, { systemd: false, init: 'runit' }),
    says: /runit/,
  },
  {
    when: 'SELinux enforces',
    id: 'mandatory-access',
    status: 'warn',
    change: (f) => Object.assign(f.os, { selinux: 'enforcing', family: 'rhel' }),
    fix: /dnf install -y container-selinux/,
  },
  {
    when: 'SELinux cannot be read',
    id: 'mandatory-access',
    status: 'unknown',
    change: (f) => (f.os.selinux = 'unknown'),
  },
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
    when: 'the clock is a year behind',
    id: 'clock-plausible',
    status: 'fail',
    change: (f) => Object.assign(f.clock, { now: '2025-11-21T12:00:00.000Z', synchronized: null }),
    says: /before this program/,
  },
  {
    when: 'the clock is behind the release',
    id: 'clock-plausible',
    status: 'fail',
    change: nothing,
    demand: { releaseDate: new Date('2027-02-01') },
    says: /before the build of the release/,
  },
  {
    when: 'the clock is a year ahead and nobody vouches',
    id: 'clock-plausible',
    status: 'warn',
    change: (f) => Object.assign(f.clock, { now: '2027-11-21T12:00:00.000Z', synchronized: null }),
  },
  {
    when: 'the clock is a year ahead and synchronized',
    id: 'clock-plausible',
    status: 'pass',
    change: (f) => (f.clock.now = '2027-11-21T12:00:00.000Z'),
  },
  {
    when: 'the clock is ten years ahead and nobody vouches',
    id: 'clock-plausible',
    status: 'fail',
    change: (f) => Object.assign(f.clock, { now: '2036-11-21T12:00:00.000Z', synchronized: false }),
  },
  {
    when: 'the hardware clock says otherwise',
    id: 'clock-plausible',
    status: 'warn',
    change: (f) => Object.assign(f.clock, { hardwareClockOffsetSeconds: 100_000, synchronized: null }),
    fix: /hwclock/,
  },
  {
    when: 'the hardware clock is in local time',
    id: 'clock-plausible',
    status: 'pass',
    change: (f) => Object.assign(f.clock, { hardwareClockOffsetSeconds: 7_201, synchronized: null }),
  },
  {
    when: 'the time is no time',
    id: 'clock-plausible',
    status: 'unknown',
    change: (f) => (f.clock.now = 'yesterday'),
  },
  {
    when: 'the clock is not synchronized',
    id: 'clock-synchronized',
    status: 'warn',
    change: (f) => (f.clock.synchronized = false),
    fix: /chrony/,
  },
  {
    when: 'no time service answers',
    id: 'clock-synchronized',
    status: 'unknown',
    change: (f) => (f.clock.synchronized = null),
    fix: /chrony/,
  },
  { when: 'no time zone is set', id: 'timezone', status: 'warn', change: (f) => (f.os.timezone = null) },
  {
    when: 'the host is called localhost',
    id: 'hostname',
    status: 'warn',
    change: (f) => (f.os.hostname = 'localhost.localdomain'),
  },
  {
    when: 'the host name has an underscore',
    id: 'hostname',
    status: 'warn',
    change: (f) => (f.os.hostname = 'my_host'),
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
  {
    when: 'half an install is there',
    id: 'previous-install',
    status: 'warn',
    change: (f) => (f.paths.previous.versions = ['1.0.0']),
    says: /1\.0\.0/,
  },
  {
    when: 'the key to the secrets is gone',
    id: 'previous-install',
    status: 'fail',
    change: (f) => (f.paths.previous.secrets = true),
  },
  {
    when: 'a whole install is there',
    id: 'previous-install',
    status: 'pass',
    change: (f) =>
      Object.assign(f.paths.previous, {
        versions: ['1.0.0'],
        current: '1.0.0',
        database: true,
        machineKey: true,
        secrets: true,
        stack: true,
      }),
  },

  {
    when: 'a program holds port 80',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[0] = {
        port: 80,
        free: false,
        holders: [
          {
            address: '0.0.0.0',
            pid: 812,
            program: 'apache2',
            script: null,
            unit: null,
            container: null,
            ours: false,
          },
        ],
      }),
    says: /port 80 is taken by apache2 \(process 812\)/,
    fix: /^kill 812, and keep what started it/,
  },
  {
    when: 'a service holds port 80',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[0] = {
        port: 80,
        free: false,
        holders: [
          {
            ...{ address: '0.0.0.0', pid: 812, program: 'python3.11', script: '/srv/app.py' },
            ...{ unit: 'shop.service', container: null, ours: false },
          },
        ],
      }),
    says: /port 80 is taken by python3\.11 \/srv\/app\.py \(process 812\)/,
    fix: /^systemctl disable --now shop\.service$/,
  },
  {
    when: 'an unknown container holds port 443',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            ...{ address: '::', pid: 9, program: 'docker-proxy', script: null },
            ...{ unit: null, container: null, ours: false },
          },
        ],
      }),
    says: /docker-proxy \(process 9\)/,
    fix: /^docker stop \$\(docker ps --quiet --filter publish=443\)$/,
  },
  {
    when: 'a container holds port 443',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            address: '0.0.0.0',
            pid: 9,
            program: 'docker-proxy',
            script: null,
            unit: null,
            container: 'traefik',
            ours: false,
          },
        ],
      }),
    says: /the container traefik/,
    fix: /^docker stop traefik$/,
  },
  {
    when: 'the holder cannot be seen',
    id: 'ports',
    status: 'fail',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          { address: '::', pid: null, program: null, script: null, unit: null, container: null, ours: false },
        ],
      }),
    says: /only root can see/,
  },
  {
    when: 'the stack itself holds the port',
    id: 'ports',
    status: 'pass',
    change: (f) =>
      (f.ports.ports[1] = {
        port: 443,
        free: false,
        holders: [
          {
            address: '::',
            pid: 7,
            program: 'docker-proxy',
            script: null,
            unit: null,
            container: 'notes-edge-1',
            ours: true,
          },
        ],
      }),
  },
  {
    when: 'forwarding is off under a running engine',
    id: 'ip-forward',
    status: 'fail',
    change: (f) => (f.kernel.ipForward = 0),
  },
  {
    when: 'forwarding is off and no engine runs yet',
    id: 'ip-forward',
    status: 'warn',
    change: (f) => {
      f.kernel.ipForward = 0;
      f.engine.details = null;
    },
  },
  {
    when: 'iptables is missing',
    id: 'packet-filter',
    status: 'fail',
    change: (f) => (f.firewall = { iptables: null, nft: null }),
    fix: /apt-get install -y iptables/,
  },
  {
    when: 'iptables fails',
    id: 'packet-filter',
    status: 'fail',
    change: (f) => Object.assign(f.firewall.iptables!, { usable: false, reason: 'Table does not exist' }),
    says: /Table does not exist/,
  },
  {
    when: 'only root could tell about iptables',
    id: 'packet-filter',
    status: 'unknown',
    change: (f) => (f.firewall.iptables!.usable = null),
  },
  {
    when: 'no interface has an address',
    id: 'address',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.addresses = []),
  },
  {
    when: 'the link runs at 100 Mbit/s',
    id: 'link-speed',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.speedMbps = 100),
    fix: /ethtool eth0/,
  },
  {
    when: 'a virtual link has no speed',
    id: 'link-speed',
    status: 'skip',
    change: (f) => (f.network.interfaces[1]!.speedMbps = null),
  },
  {
    when: 'the outer link takes smaller packets',
    id: 'mtu',
    status: 'warn',
    change: (f) => (f.network.interfaces[1]!.mtu = 1_400),
    fix: /"mtu": 1400/,
  },
  {
    when: 'the outer link does not tell',
    id: 'mtu',
    status: 'unknown',
    change: (f) => (f.network.interfaces[1]!.mtu = null),
  },
  {
    when: "the company's network is the engine's too",
    id: 'subnets',
    status: 'fail',
    change: (f) => f.network.routes.push({ network: '172.16.0.0/12', interface: 'tun0' }),
    says: /tun0/,
  },
  {
    when: "the stack's network is another container network",
    id: 'subnets',
    status: 'warn',
    change: nothing,
    demand: { subnets: ['172.17.4.0/24'] },
  },
  {
    when: "the stack's network is one of this machine's",
    id: 'subnets',
    status: 'fail',
    change: nothing,
    demand: { subnets: ['192.0.2.0/25'] },
  },
  {
    when: "the engine's networks are not known",
    id: 'subnets',
    status: 'unknown',
    change: (f) => (f.engine.details = null),
  },
  {
    when: 'there is a way out and no name server',
    id: 'name-resolution',
    status: 'warn',
    change: (f) => (f.network.nameservers = []),
  },
  {
    when: 'there is no way out',
    id: 'name-resolution',
    status: 'skip',
    change: (f) => (f.network.defaultRoute = null),
  },
  {
    when: 'a proxy is set for localhost too',
    id: 'proxy',
    status: 'warn',
    change: (f) => (f.network.proxy.variables = ['HTTPS_PROXY']),
    fix: /NO_PROXY/,
  },
  {
    when: 'a proxy spares localhost',
    id: 'proxy',
    status: 'pass',
    change: (f) => (f.network.proxy = { variables: ['HTTPS_PROXY'], sparesLocalhost: true }),
  },

  {
    when: 'there is no engine',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        details: null,
        problem: { kind: 'absent', reason: 'there is no /var/run/docker.sock' },
      }),
    fix: /apt-get install -y docker\.io/,
  },
  {
    when: 'the engine is stopped',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, { details: null, problem: { kind: 'stopped', reason: 'no engine listens' } }),
    fix: /^systemctl enable --now docker$/,
  },
  {
    when: 'the engine hangs',
    id: 'engine',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        details: null,
        problem: { kind: 'silent', reason: 'it did not answer in time' },
      }),
    fix: /journalctl/,
  },
  {
    when: 'the engine is 19.03',
    id: 'engine-version',
    status: 'fail',
    change: (f) => (engine(f).version = '19.03.15'),
  },
  {
    when: 'the engine is 20.10 as Debian names it',
    id: 'engine-version',
    status: 'pass',
    change: (f) => (engine(f).version = '20.10.24+dfsg1'),
  },
  {
    when: 'the engine is 29',
    id: 'engine-version',
    status: 'pass',
    change: (f) => (engine(f).version = '29.0.0-rc.1'),
  },
  {
    when: 'the engine names no version',
    id: 'engine-version',
    status: 'unknown',
    change: (f) => (engine(f).version = 'dev'),
  },
  {
    when: 'Podman poses as Docker',
    id: 'engine-kind',
    status: 'fail',
    change: (f) => (engine(f).podman = true),
  },
  {
    when: 'the engine is a snap',
    id: 'engine-packaging',
    status: 'fail',
    change: (f) => (engine(f).snap = true),
    fix: /snap remove docker/,
  },
  {
    when: 'the engine is rootless',
    id: 'engine-rootless',
    status: 'fail',
    change: (f) => (engine(f).rootless = true),
  },
  {
    when: 'users are remapped',
    id: 'engine-users',
    status: 'fail',
    change: (f) => (engine(f).usernsRemap = true),
  },
  {
    when: 'the engine runs in another machine',
    id: 'engine-local',
    status: 'fail',
    change: (f) => (engine(f).kernel = '6.10.14-linuxkit'),
  },
  {
    when: 'DOCKER_HOST points elsewhere',
    id: 'engine-address',
    status: 'fail',
    change: (f) => (f.engine.redirects = ['the variable DOCKER_HOST']),
    says: /DOCKER_HOST/,
    fix: /unset DOCKER_HOST/,
  },
  {
    when: 'somebody removed docker0',
    id: 'engine-bridges',
    status: 'warn',
    change: (f) => f.network.interfaces.pop(),
    says: /docker0 of the network bridge/,
  },
  {
    when: 'the swarm mode is on',
    id: 'engine-swarm',
    status: 'warn',
    change: (f) => (engine(f).swarm = true),
  },
  {
    when: 'the storage driver is vfs',
    id: 'storage-driver',
    status: 'fail',
    change: (f) => (engine(f).storageDriver = 'vfs'),
  },
  {
    when: 'the store is containerd',
    id: 'storage-driver',
    status: 'pass',
    change: (f) => Object.assign(engine(f), { storageDriver: 'overlayfs', dType: null }),
  },
  {
    when: 'the file system has no d_type',
    id: 'storage-driver',
    status: 'fail',
    change: (f) => (engine(f).dType = false),
  },
  {
    when: 'the storage driver is untried',
    id: 'storage-driver',
    status: 'warn',
    change: (f) => (engine(f).storageDriver = 'zfs'),
  },
  {
    when: 'the docker command is missing',
    id: 'docker-cli',
    status: 'fail',
    change: (f) => (f.engine.cli = null),
  },
  {
    when: 'Compose is missing',
    id: 'compose',
    status: 'fail',
    change: (f) => (f.engine.compose = null),
    says: /not found/,
  },
  {
    when: 'only docker-compose 1.29 is there',
    id: 'compose',
    status: 'fail',
    change: (f) =>
      Object.assign(f.engine, {
        compose: null,
        oldCompose: { path: '/usr/bin/docker-compose', version: '1.29.2' },
      }),
    says: /1\.29\.2/,
  },
  {
    when: 'Compose is 2.17',
    id: 'compose',
    status: 'fail',
    change: (f) => (f.engine.compose!.version = '2.17.3'),
  },
  {
    when: 'Compose is 5',
    id: 'compose',
    status: 'pass',
    change: (f) => (f.engine.compose!.version = 'v5.0.1'),
  },
  {
    when: 'someone else has the project name',
    id: 'project-name',
    status: 'fail',
    change: (f) => (engine(f).containers = [{ ...someone, project: 'notes' }]),
    says: /their-db/,
  },
  {
    when: "other people's containers run beside enough memory",
    id: 'other-containers',
    status: 'pass',
    change: (f) => (engine(f).containers = [someone]),
    says: /their-db/,
  },
  {
    when: "other people's containers took the memory",
    id: 'other-containers',
    status: 'warn',
    change: (f) => {
      engine(f).containers = [someone];
      f.memory.availableBytes = GIB;
    },
  },
  {
    when: 'a file is younger than a clock that is synchronized',
    id: 'clock-plausible',
    status: 'warn',
    change: (f) => (f.clock.now = '2026-05-21T12:00:00.000Z'),
    says: /before this program/,
  },
  {
    when: 'a running engine does with nftables',
    id: 'packet-filter',
    status: 'warn',
    change: (f) => (f.firewall.iptables = null),
  },
  {
    when: 'the bundle names the architecture as images do',
    id: 'bundle-architecture',
    status: 'pass',
    change: nothing,
    demand: { arch: 'amd64' },
  },
];

t.test('a healthy machine passes every check', async (t) => {
  const report = analyzeFacts(healthyFacts() as MachineFacts, { ...defaultDemand, ...RELEASE });
  for (const check of report.checks) {
    if (check.id === 'xfs-ftype') t.equal(check.status, 'skip', 'the engine is not on xfs');
    else t.equal(check.status, 'pass', `${check.id}: ${check.found}`);
  }
  t.equal(report.verdict, 'pass');
  t.ok(Check(PreflightReport, report), 'the report fits its schema');
});

for (const one of cases) {
  t.test(`${one.id}: when ${one.when}, the answer is ${one.status}`, async (t) => {
    const result = judgeOne(one);
    t.equal(result.status, one.status, result.found);
    if (one.says) t.match(result.found, one.says);
    if (one.fix) t.match(result.fix, one.fix);
    if (one.status === 'fail' || one.status === 'warn') t.ok(result.fix, 'there is a next action');
    if (one.status === 'pass' || one.status === 'skip') t.equal(result.fix, null);
  });
}

t.test('every check can fail or warn, and there are at least 25 with names of their own', async (t) => {
  const bad = new Set(cases.filter((one) => ['fail', 'warn'].includes(one.status)).map((one) => one.id));
  for (const { id } of CHECKS) t.ok(bad.has(id), id);
  t.ok(CHECKS.length >= 25, `${CHECKS.length} checks`);
  t.equal(new Set(CHECKS.map((check) => check.id)).size, CHECKS.length);
  for (const { id } of cases)
    t.ok(
      CHECKS.some((check) => check.id === id),
      id,
    );
});

t.test('what is not known never passes', async (t) => {
  for (const name of FACT_NAMES) {
    const facts = healthyFacts();
    delete (facts as Partial<Draft>)[name];
    facts.missing = { [name]: 'the collector was struck by lightning' };
    const report = analyzeFacts(facts as MachineFacts, { ...defaultDemand, ...RELEASE });
    for (const check of CHECKS.filter((one) => one.needs.includes(name))) {
      const result = report.checks.find((one) => one.id === check.id)!;
      t.equal(result.status, 'unknown', `${check.id} without ${name}`);
      t.match(result.found, /lightning/);
    }
    t.equal(report.verdict, 'warn', `without ${name}`);
  }
});

t.test('nothing known at all is a report of unknowns, and the same facts give the same report', async (t) => {
  const report = analyzeFacts({ missing: {}, unseen: {} });
  t.equal(report.counts.unknown, CHECKS.length);
  t.strictSame(analyzeFacts(healthyFacts() as MachineFacts), analyzeFacts(healthyFacts() as MachineFacts));
});

t.test('names from the machine cannot steer a terminal', async (t) => {
  const facts = healthyFacts();
  facts.engine.details!.containers = [{ ...someone, name: 'x\u001b[2Jy\u202e', project: 'notes' }];
  facts.unseen = { os: ['a\u0007b'] };
  const report = analyzeFacts(facts as MachineFacts, { ...defaultDemand, ...RELEASE });
  t.notMatch(JSON.stringify(report), /\\u001b|\\u0007|\u202e/);
});
