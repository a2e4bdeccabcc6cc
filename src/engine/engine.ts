// One Docker Engine, as the rest of the product sees it.

import { isOnsteadError } from '../base/errors.ts';
import type { AddressChoice } from './address.ts';
import { addressFrom, dockerHostOf } from './address.ts';
import { Containers } from './containers.ts';
import type { EngineEvent, EventOptions } from './events.ts';
import { readEvents } from './events.ts';
import { silent } from './failures.ts';
import { Images } from './images.ts';
import { Link } from './link.ts';
import { Networks } from './networks.ts';
import { Volumes } from './volumes.ts';

export interface EngineInfo {
  readonly version: string;
  /** The version that both sides speak. */
  readonly apiVersion: string;
  readonly storageDriver: string;
  /** Images are kept by containerd: other rules for loading and for ids. */
  readonly containerdStore: boolean;
  readonly dataRoot: string;
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: string;
  /** As images name it: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly os: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly logDriver: string;
  readonly liveRestore: boolean;
  readonly rootless: boolean;
  readonly swarm: boolean;
  readonly containers: number;
  /** Of the engine itself: `No swap limit support` and the like. */
  readonly warnings: readonly string[];
}

export interface Engine {
  /** For programs that talk to the same engine: `unix:///var/run/docker.sock`. */
  readonly dockerHost: string;
  readonly images: Images;
  readonly containers: Containers;
  readonly volumes: Volumes;
  readonly networks: Networks;
  info(): Promise<EngineInfo>;
  /** True if it answers now. */
  isUp(): Promise<boolean>;
  events(options?: EventOptions): AsyncIterable<EngineEvent>;
}

export interface ConnectOptions extends AddressChoice {
  /** Default 10 s. */
  readonly timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Finds out that a supported engine answers there; there is nothing to close. */
export async function connectEngine(options: ConnectOptions = {}): Promise<Engine> {
  const link = new Link(addressFrom(options));
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  try {
    await link.negotiate(timeoutMs);
  } catch (error) {
    if (isOnsteadError(error, 'engine.timeout')) throw silent(link.address, timeoutMs);
    throw error;
  }
  return {
    dockerHost: dockerHostOf(link.address),
    images: new Images(link),
    containers: new Containers(link),
    volumes: new Volumes(link),
    networks: new Networks(link),
    info: () => readInfo(link),
    isUp: () => isUp(link),
    events: (eventOptions = {}) => readEvents(link, eventOptions),
  };
}

async function isUp(link: Link): Promise<boolean> {
  try {
    await link.call('greet it', (docker, abortSignal) => docker.ping({ abortSignal }), {
      timeoutMs: 5_000,
    });
    return true;
  } catch {
    return false;
  }
}

/** The part of `/info` that is read; every engine from 20.10 on has it. */
interface RawInfo {
  readonly ServerVersion: string;
  readonly Driver: string;
  readonly DriverStatus?: readonly (readonly [string, string])[] | null;
  readonly DockerRootDir: string;
  readonly CgroupVersion?: string;
  readonly CgroupDriver: string;
  readonly Architecture: string;
  readonly OperatingSystem: string;
  readonly KernelVersion: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly LoggingDriver: string;
  readonly LiveRestoreEnabled: boolean;
  readonly SecurityOptions?: readonly string[] | null;
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly Containers: number;
  readonly Warnings?: readonly string[] | null;
}

async function readInfo(link: Link): Promise<EngineInfo> {
  const raw = (await link.call('ask what it is', (docker, abortSignal) =>
    docker.info({ abortSignal }),
  )) as RawInfo;
  return infoFrom(raw, link.apiVersion);
}

export function infoFrom(raw: RawInfo, apiVersion: string): EngineInfo {
  return {
    version: raw.ServerVersion,
    apiVersion,
    storageDriver: raw.Driver,
    containerdStore: (raw.DriverStatus ?? []).some(([, value]) =>
      value.startsWith('io.containerd.snapshotter'),
    ),
    dataRoot: raw.DockerRootDir,
    cgroupVersion: raw.CgroupVersion === '2' ? 2 : 1,
    cgroupDriver: raw.CgroupDriver,
    architecture: ARCHITECTURES[raw.Architecture] ?? raw.Architecture,
    os: raw.OperatingSystem,
    kernel: raw.KernelVersion,
    cpus: raw.NCPU,
    memoryBytes: raw.MemTotal,
    logDriver: raw.LoggingDriver,
    liveRestore: raw.LiveRestoreEnabled,
    rootless: (raw.SecurityOptions ?? []).some((option) => option.includes('name=rootless')),
    swarm: raw.Swarm?.LocalNodeState === 'active',
    containers: raw.Containers,
    warnings: raw.Warnings ?? [],
  };
}

/** The engine names the kernel's architecture, images name Go's. */
const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' };
