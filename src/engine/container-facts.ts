// What the engine says of a container, in our words. Pure.

import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';

export type ContainerStatus =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
export type ContainerHealth = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface ContainerNetwork {
  readonly name: string;
  readonly id: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly aliases: readonly string[];
}

/** A port of the machine that leads to one of the container; only while it runs. */
export interface PublishedPort {
  readonly address: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface ContainerMount {
  readonly type: string;
  /** The volume's name, of volumes alone. */
  readonly name?: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What Compose writes on its containers. */
export interface ComposeMark {
  readonly project?: string;
  readonly service?: string;
  readonly number?: number;
  readonly oneOff: boolean;
}

export interface ContainerSummary extends ComposeMark {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatus;
  /** For people: `Up 3 minutes (healthy)`. */
  readonly statusText: string;
  readonly health: ContainerHealth;
  readonly created: Date;
  readonly networks: readonly ContainerNetwork[];
}

export interface ContainerFacts extends ComposeMark {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: ContainerStatus;
  readonly health: ContainerHealth;
  /** What the last health probe printed. */
  readonly healthOutput: string;
  /** Restarts by the restart policy. */
  readonly restarts: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why it could not be started, if so. */
  readonly error: string;
  /** On the host; 0 where it does not run. */
  readonly pid: number;
  readonly created: Date;
  readonly started: Date | undefined;
  readonly finished: Date | undefined;
  readonly networks: readonly ContainerNetwork[];
  readonly mounts: readonly ContainerMount[];
  readonly published: readonly PublishedPort[];
  readonly memoryLimitBytes: number;
  readonly terminal: boolean;
}

export function factsFrom(raw: ContainerInspectInfo): ContainerFacts {
  const { State: state, Config: config } = raw;
  return {
    id: raw.Id,
    name: raw.Name.replace(/^\//, ''),
    image: config.Image,
    imageId: raw.Image,
    labels: config.Labels ?? {},
    ...composeMark(config.Labels ?? {}),
    status: state.Status as ContainerStatus, // the engine's own closed list
    health: healthOf(state.Health?.Status),
    healthOutput: (state.Health?.Log?.at(-1)?.Output ?? '').trim(),
    restarts: raw.RestartCount,
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error ?? '',
    pid: state.Pid,
    created: new Date(raw.Created),
    started: dateFrom(state.StartedAt),
    finished: dateFrom(state.FinishedAt),
    networks: networksFrom(raw.NetworkSettings?.Networks),
    mounts: (raw.Mounts ?? []).map(mountFrom),
    published: publishedFrom(raw.NetworkSettings?.Ports),
    memoryLimitBytes: raw.HostConfig?.Memory ?? 0,
    terminal: config.Tty ?? false,
  };
}

export function summaryFrom(raw: ContainerInfo): ContainerSummary {
  return {
    id: raw.Id,
    name: (raw.Names[0] ?? raw.Id.slice(0, 12)).replace(/^\//, ''),
    image: raw.Image,
    imageId: raw.ImageID,
    labels: raw.Labels ?? {},
    ...composeMark(raw.Labels ?? {}),
    status: raw.State as ContainerStatus,
    statusText: raw.Status,
    health: healthInText(raw.Status),
    created: new Date(raw.Created * 1000),
    networks: networksFrom(raw.NetworkSettings?.Networks),
  };
}

function composeMark(labels: Readonly<Record<string, string>>): ComposeMark {
  const at = (name: string): string | undefined => labels[`com.docker.compose.${name}`];
  const project = at('project');
  const service = at('service');
  const number = at('container-number');
  return {
    ...(project === undefined ? {} : { project }),
    ...(service === undefined ? {} : { service }),
    ...(number === undefined ? {} : { number: Number(number) }),
    oneOff: at('oneoff')?.toLowerCase() === 'true',
  };
}

function healthOf(text: string | undefined): ContainerHealth {
  return text === 'starting' || text === 'healthy' || text === 'unhealthy' ? text : 'none';
}

/** Lists carry health only in the text for people until API 1.52. */
export function healthInText(text: string): ContainerHealth {
  const inside = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(text)?.[1];
  return healthOf(inside);
}

/** "0001-01-01T00:00:00Z" is the engine's "never". */
function dateFrom(text: string | undefined): Date | undefined {
  if (text === undefined || text.startsWith('0001-')) return undefined;
  return new Date(text);
}

interface RawNetwork {
  readonly NetworkID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly Aliases?: readonly string[] | null;
}

function networksFrom(raw: Readonly<Record<string, unknown>> | undefined): readonly ContainerNetwork[] {
  return Object.entries(raw ?? {}).map(([name, value]) => {
    const network = value as RawNetwork; // dockerode types it differently for lists and inspections
    return {
      name,
      id: network.NetworkID ?? '',
      ...(network.IPAddress ? { ipv4: network.IPAddress } : {}),
      ...(network.GlobalIPv6Address ? { ipv6: network.GlobalIPv6Address } : {}),
      aliases: network.Aliases ?? [],
    };
  });
}

type RawPorts = Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>>;

function publishedFrom(raw: RawPorts | undefined): readonly PublishedPort[] {
  return Object.entries(raw ?? {}).flatMap(([inside, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      address: HostIp ?? '',
      hostPort: Number(HostPort),
      containerPort: Number.parseInt(inside, 10),
    })),
  );
}

function mountFrom(raw: ContainerInspectInfo['Mounts'][number]): ContainerMount {
  return {
    type: raw.Type ?? 'bind',
    ...(raw.Name ? { name: raw.Name } : {}),
    source: raw.Source,
    target: raw.Destination,
    readOnly: !raw.RW,
  };
}
