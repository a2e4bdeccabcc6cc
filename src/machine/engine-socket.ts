// A small reader of the engine's own answers over its unix socket: enough to say what it is, and why it does not answer.

import { messageOf, systemCode } from '../base/errors.ts';
import { http } from '../base/http.ts';
import { printable } from './printable.ts';
import type { EngineContainer, EngineDetails, EngineFacts } from './facts.ts';

type Json = Record<string, unknown>;
type Problem = NonNullable<EngineFacts['problem']>;
export type EngineAnswer = Pick<EngineFacts, 'socket' | 'problem' | 'details'>;

const LARGEST_ANSWER_BYTES = 16 * 1024 * 1024;

/** Never rejects: an engine that does not answer is a finding, not a failure. */
export async function readEngine(
  socket: string,
  stateFolder: string,
  timeoutMs = 2_000,
): Promise<EngineAnswer> {
  try {
    // One deadline for all questions: whoever waits for the answer has a limit of their own.
    const signal = AbortSignal.timeout(timeoutMs);
    const get = (path: string): Promise<unknown> => getJson(socket, path, signal);
    const version = object(await get('/version'));
    const [info, containers, networks] = await Promise.all(
      ['/info', '/containers/json?all=1', '/networks'].map(get),
    );
    const details = detailsFrom(version, object(info), list(containers), list(networks), stateFolder);
    return { socket, problem: null, details };
  } catch (error) {
    return { socket, problem: problemFrom(error, socket), details: null };
  }
}

function getJson(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = http.request(
      { socketPath, path, signal, headers: { host: 'localhost' }, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > LARGEST_ANSWER_BYTES) asked.destroy(new Error(`the answer to ${path} is too long`));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode !== 200)
            return reject(new Error(`${path} was answered with ${answer.statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch {
            reject(new Error(`the answer to ${path} is not JSON`));
          }
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

function problemFrom(error: unknown, socket: string): Problem {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'absent', reason: `there is no ${socket}` };
    case 'ECONNREFUSED':
      return { kind: 'stopped', reason: `${socket} is there, but no engine listens on it` };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'forbidden', reason: `${socket} may not be opened by this user` };
    case 'ABORT_ERR':
      return { kind: 'silent', reason: `the engine took the call on ${socket} and did not answer in time` };
    default:
      if (error instanceof Error && error.name === 'TimeoutError') {
        return { kind: 'silent', reason: `the engine took the call on ${socket} and did not answer in time` };
      }
      return { kind: 'strange', reason: printable(messageOf(error)) };
  }
}

/** Pure: what the four answers say. Fields that an engine leaves out count as their plain default. */
function detailsFrom(
  version: Json,
  info: Json,
  containers: readonly unknown[],
  networks: readonly unknown[],
  stateFolder: string,
): EngineDetails {
  const security = list(info['SecurityOptions']).map(String);
  const has = (option: string): boolean => security.some((one) => one.split(',').includes(`name=${option}`));
  const dataRoot = text(info['DockerRootDir'], '/var/lib/docker');
  return {
    version: text(version['Version'], 'unknown'),
    apiVersion: text(version['ApiVersion'], 'unknown'),
    minApiVersion: typeof version['MinAPIVersion'] === 'string' ? text(version['MinAPIVersion'], '') : null,
    arch: text(version['Arch'], 'unknown'),
    kernel: text(info['KernelVersion'], text(version['KernelVersion'], '')),
    dataRoot,
    storageDriver: text(info['Driver'], 'unknown'),
    dType: dTypeFrom(list(info['DriverStatus'])),
    cgroupDriver: text(info['CgroupDriver'], 'unknown'),
    cgroupVersion: typeof info['CgroupVersion'] === 'string' ? text(info['CgroupVersion'], '') : null,
    podman: isPodman(version),
    snap: dataRoot.startsWith('/var/snap/'),
    rootless: has('rootless'),
    usernsRemap: has('userns'),
    swarm: text(object(info['Swarm'])['LocalNodeState'], 'inactive') === 'active',
    liveRestore: info['LiveRestoreEnabled'] === true,
    memoryLimit: info['MemoryLimit'] === true,
    cpuQuota: info['CpuCfsQuota'] === true,
    pidsLimit: info['PidsLimit'] === true,
    containers: containers.map((one) => containerFrom(object(one), stateFolder)),
    networks: networks.map((one) => networkFrom(object(one))),
  };
}

function isPodman(version: Json): boolean {
  return list(version['Components']).some((one) => text(object(one)['Name'], '').startsWith('Podman'));
}

function dTypeFrom(status: readonly unknown[]): boolean | null {
  const row = status.map(list).find(([key]) => key === 'Supports d_type');
  return row === undefined ? null : row[1] === 'true';
}

function containerFrom(container: Json, stateFolder: string): EngineContainer {
  const labels = object(container['Labels']);
  const folder = text(labels['com.docker.compose.project.working_dir'], '', 4_096);
  const project = labels['com.docker.compose.project'];
  const ports = list(container['Ports']).map((port) => object(port)['PublicPort']);
  return {
    id: text(container['Id'], ''),
    name: text(list(container['Names'])[0], 'unnamed').replace(/^\//, ''),
    image: text(container['Image'], 'unknown'),
    running: container['State'] === 'running',
    project: project === undefined ? null : text(project, ''),
    ours: folder === stateFolder || folder.startsWith(`${stateFolder}/`),
    publishedPorts: [...new Set(ports.filter((port) => typeof port === 'number'))],
  };
}

function networkFrom(network: Json): EngineDetails['networks'][number] {
  const configs = list(object(network['IPAM'])['Config']);
  const mtu = Number(object(network['Options'])['com.docker.network.driver.mtu']);
  return {
    name: text(network['Name'], 'unnamed'),
    bridge: bridgeOf(network),
    subnets: configs.map((one) => text(object(one)['Subnet'], '')).filter((subnet) => subnet !== ''),
    mtu: mtu > 0 ? mtu : null,
  };
}

/** The engine names the interface of a network after its id, unless it was told a name. */
function bridgeOf(network: Json): string | null {
  if (network['Driver'] !== 'bridge') return null;
  const id = text(network['Id'], '').slice(0, 12);
  return (
    text(object(network['Options'])['com.docker.network.bridge.name'], id === '' ? '' : `br-${id}`) || null
  );
}

function object(value: unknown): Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown, otherwise: string, longest?: number): string {
  return typeof value === 'string' && value !== '' ? printable(value, longest) : otherwise;
}
