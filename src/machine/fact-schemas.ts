// What a machine is, as data: one schema for each facts file, and no type written twice.

import { Type, type TSchema } from '../base/schema.ts';

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Text = Type.String();
const Amount = Type.Number({ minimum: 0 });
const Texts = Type.Array(Text);

export const CpuFacts = Type.Object({
  /** What containers here may use together: online, init's affinity, cpuset and quota. May be a fraction. */
  cpus: Type.Number({ exclusiveMinimum: 0 }),
  online: Type.Number({ minimum: 1 }),
  affinity: orNull(Amount),
  cpuset: orNull(Amount),
  quota: orNull(Amount),
  /** What this process alone may use; a limit on the daemon does not bind the containers. */
  ownCpus: Type.Number({ exclusiveMinimum: 0 }),
  model: Text,
  /** Those of the features asked about that the processor has. */
  features: Texts,
});

export const MemoryFacts = Type.Object({
  totalBytes: Amount,
  limitBytes: orNull(Amount),
  /** The smaller of the two above. */
  usableBytes: Amount,
  availableBytes: Amount,
  ownLimitBytes: orNull(Amount),
  swapTotalBytes: Amount,
  swapFreeBytes: Amount,
});

export const FlushFacts = Type.Object({
  samples: Type.Number({ minimum: 1 }),
  medianMs: Amount,
  p99Ms: Amount,
});

export const FolderRole = Type.Union([
  Type.Literal('state'),
  Type.Literal('engine'),
  Type.Literal('programs'),
  Type.Literal('temporary'),
]);

export const DiskFolder = Type.Object({
  role: FolderRole,
  path: Text,
  /** The nearest folder that exists already; the numbers are of its file system. */
  probedAt: Text,
  mount: Text,
  device: Text,
  filesystem: Text,
  readOnly: Type.Boolean(),
  noExec: Type.Boolean(),
  totalBytes: Amount,
  freeBytes: Amount,
  /** Null where the file system has no fixed number of them. */
  inodes: orNull(Amount),
  inodesFree: orNull(Amount),
  disks: Texts,
  rotational: orNull(Type.Boolean()),
  xfsFtype: orNull(Type.Boolean()),
  /** 4 kB written and flushed, again and again. Null where it was not measured. */
  flush: orNull(FlushFacts),
});

export const DisksFacts = Type.Object({ folders: Type.Array(DiskFolder) });

export const NetworkInterface = Type.Object({
  name: Text,
  kind: Type.Union([Type.Literal('physical'), Type.Literal('virtual'), Type.Literal('loopback')]),
  up: Type.Boolean(),
  speedMbps: orNull(Amount),
  mtu: orNull(Amount),
  /** Each with its prefix, for example `192.0.2.7/24`. */
  addresses: Texts,
});

export const NetworkFacts = Type.Object({
  interfaces: Type.Array(NetworkInterface),
  defaultRoute: orNull(Type.Object({ interface: Text, gateway: Text })),
  defaultRouteV6: Type.Boolean(),
  ipv6: Type.Boolean(),
  /** IPv4 networks this machine reaches other than by the default route. */
  routes: Type.Array(Type.Object({ network: Text, interface: Text })),
  nameservers: Texts,
  /** Names of the proxy variables that are set. Never their values: they may hold a password. */
  proxy: Type.Object({ variables: Texts, sparesLocalhost: Type.Boolean() }),
});

export const FirewallFacts = Type.Object({
  iptables: orNull(
    Type.Object({ path: Text, version: Text, usable: orNull(Type.Boolean()), reason: orNull(Text) }),
  ),
  nft: orNull(Text),
});

export const OsFacts = Type.Object({
  id: Text,
  versionId: Text,
  name: Text,
  family: Type.Union([Type.Literal('debian'), Type.Literal('rhel'), Type.Literal('other')]),
  kernel: Text,
  arch: Text,
  machine: Text,
  libc: Type.Object({
    kind: Type.Union([Type.Literal('glibc'), Type.Literal('musl'), Type.Literal('unknown')]),
    version: orNull(Text),
  }),
  systemd: Type.Boolean(),
  init: Text,
  virtualization: Type.Object({
    kind: Type.Union([
      Type.Literal('none'),
      Type.Literal('vm'),
      Type.Literal('container'),
      Type.Literal('unknown'),
    ]),
    name: Text,
  }),
  selinux: Type.Union([
    Type.Literal('enforcing'),
    Type.Literal('permissive'),
    Type.Literal('absent'),
    Type.Literal('unknown'),
  ]),
  apparmor: orNull(Type.Boolean()),
  hostname: Text,
  timezone: orNull(Text),
  /** Where it is, if anywhere. */
  nsenter: orNull(Text),
  uid: Amount,
});

export const CgroupLimits = Type.Object({
  group: Text,
  /** `machine` binds every container; `own` binds only this process. */
  scope: Type.Union([Type.Literal('machine'), Type.Literal('own')]),
  cpus: orNull(Amount),
  cpuset: orNull(Text),
  memoryBytes: orNull(Amount),
});

export const CgroupFacts = Type.Object({
  version: Type.Union([Type.Literal('v1'), Type.Literal('v2'), Type.Literal('hybrid'), Type.Literal('none')]),
  controllers: Type.Array(Type.Object({ name: Text, enabled: Type.Boolean(), mount: orNull(Text) })),
  limits: Type.Array(CgroupLimits),
});

export const ClockFacts = Type.Object({
  now: Text,
  synchronized: orNull(Type.Boolean()),
  by: orNull(Text),
  /** Things that certainly happened before now. */
  evidence: Type.Array(Type.Object({ what: Text, at: Text })),
  hardwareClockOffsetSeconds: orNull(Type.Number()),
});

const FileLimit = Type.Object({ soft: orNull(Amount), hard: orNull(Amount) });

export const LimitsFacts = Type.Object({
  /** Null means without limit. */
  openFiles: FileLimit,
  /** The engine's own limit, which its containers inherit; null where it runs not or cannot be seen. */
  engineOpenFiles: orNull(FileLimit),
});

export const KernelFacts = Type.Object({
  overcommitMemory: orNull(Amount),
  hugePages: orNull(Text),
  ipForward: orNull(Amount),
  somaxconn: orNull(Amount),
  swappiness: orNull(Amount),
  aioMax: orNull(Amount),
  aioUsed: orNull(Amount),
});

export const PortHolder = Type.Object({
  address: Text,
  pid: orNull(Amount),
  program: orNull(Text),
  /** What an interpreter runs. */
  script: orNull(Text),
  /** The systemd service that it belongs to. */
  unit: orNull(Text),
  container: orNull(Text),
  ours: Type.Boolean(),
});

export const PortsFacts = Type.Object({
  ports: Type.Array(Type.Object({ port: Amount, free: Type.Boolean(), holders: Type.Array(PortHolder) })),
});

export const PathsFacts = Type.Object({
  folders: Type.Array(
    Type.Object({ path: Text, exists: Type.Boolean(), probedAt: Text, problem: orNull(Text) }),
  ),
  /** Where opened secrets stand, and on what; null where no mount holds it. */
  opened: Type.Object({ path: Text, filesystem: orNull(Text) }),
  previous: Type.Object({
    versions: Texts,
    current: orNull(Text),
    database: Type.Boolean(),
    machineKey: Type.Boolean(),
    secrets: Type.Boolean(),
    stack: Type.Boolean(),
  }),
});

export const EngineContainer = Type.Object({
  id: Text,
  name: Text,
  image: Text,
  running: Type.Boolean(),
  project: orNull(Text),
  ours: Type.Boolean(),
  publishedPorts: Type.Array(Amount),
});

export const EngineDetails = Type.Object({
  version: Text,
  apiVersion: Text,
  minApiVersion: orNull(Text),
  arch: Text,
  kernel: Text,
  dataRoot: Text,
  storageDriver: Text,
  /** Null where the driver does not say. */
  dType: orNull(Type.Boolean()),
  cgroupDriver: Text,
  cgroupVersion: orNull(Text),
  podman: Type.Boolean(),
  snap: Type.Boolean(),
  rootless: Type.Boolean(),
  usernsRemap: Type.Boolean(),
  swarm: Type.Boolean(),
  liveRestore: Type.Boolean(),
  memoryLimit: Type.Boolean(),
  cpuQuota: Type.Boolean(),
  pidsLimit: Type.Boolean(),
  containers: Type.Array(EngineContainer),
  networks: Type.Array(
    Type.Object({
      name: Text,
      subnets: Texts,
      mtu: orNull(Amount),
      /** The interface that the engine made for it; null where it made none. */
      bridge: orNull(Text),
    }),
  ),
});

export const EngineFacts = Type.Object({
  socket: Text,
  problem: orNull(
    Type.Object({
      kind: Type.Union([
        Type.Literal('absent'),
        Type.Literal('stopped'),
        Type.Literal('forbidden'),
        Type.Literal('silent'),
        Type.Literal('strange'),
      ]),
      reason: Text,
    }),
  ),
  /** Null exactly when `problem` is not. */
  details: orNull(EngineDetails),
  /** What sends the docker command to another engine than this one. */
  redirects: Texts,
  cli: orNull(Type.Object({ path: Text, version: Text })),
  compose: orNull(Type.Object({ path: orNull(Text), version: Text })),
  /** The stand-alone `docker-compose`, if one is installed. */
  oldCompose: orNull(Type.Object({ path: Text, version: Text })),
});
