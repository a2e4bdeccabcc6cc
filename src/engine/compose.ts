// A Compose project in a folder. `docker compose` applies it, so what a person types there by hand means the same.

import { join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import type { ContainerHealth, ContainerStatus } from './container-facts.ts';
import { ComposeMemory, type Hashes } from './compose-memory.ts';
import type { ComposeProgress } from './compose-progress.ts';
import type { InvokeOptions } from './compose-program.ts';
import { ComposeProgram } from './compose-program.ts';

export interface ComposeOptions {
  readonly folder: string;
  /** Default: what the files say (`name:`). */
  readonly project?: string;
  readonly composeBinary?: string;
  /** `engine.dockerHost`. */
  readonly dockerHost?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: as Compose finds them, `compose.yaml` with `compose.override.yaml`. */
  readonly files?: readonly string[];
  /** Shared with others of the same program and environment, so that what is known is not asked again. */
  readonly memory?: ComposeMemory;
}

export interface ApplyOptions {
  readonly onProgress?: (progress: ComposeProgress) => void;
  readonly signal?: AbortSignal;
  /** Of the whole call. Default 30 min. */
  readonly timeoutMs?: number;
}

export interface UpOptions extends ApplyOptions {
  readonly services?: readonly string[];
  readonly noRecreate?: boolean;
  readonly forceRecreate?: boolean;
  readonly removeOrphans?: boolean;
  /** Replicas by service. */
  readonly scale?: Readonly<Record<string, number>>;
  readonly noDeps?: boolean;
  /** Until healthy. `containers.waitHealthy` says more when it fails. */
  readonly wait?: boolean;
  /** Given to containers that are replaced. */
  readonly stopTimeoutSeconds?: number;
  /** Of `wait`. */
  readonly waitTimeoutSeconds?: number;
}

export interface ComposeContainer {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly image: string;
  readonly status: ContainerStatus;
  readonly health: ContainerHealth;
  readonly exitCode: number;
  /** Made by `docker compose run`, for one command. */
  readonly oneOff: boolean;
}

/** The resolved model; its values are the vendor's. */
export type ComposeModel = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

export interface Compose {
  readonly folder: string;
  version(): Promise<string>;
  config(): Promise<ComposeModel>;
  /** By service: what Compose labels a container with that is made from these files. */
  hashes(): Promise<Hashes>;
  /** Never pulls, never builds: on an appliance an image is there or it is an error. */
  up(options?: UpOptions): Promise<void>;
  start(options?: ApplyOptions & { readonly services?: readonly string[] }): Promise<void>;
  /** Running or not. */
  ps(): Promise<readonly ComposeContainer[]>;
  /** What `up` would change, asked of Compose itself; empty where everything runs as the files say. */
  pending(options?: UpOptions): Promise<readonly ComposeProgress[]>;
  /** Starts one command in a container of its own, with everything its service has. It goes on by itself. */
  begin(command: OneOffCommand): Promise<void>;
}

export interface OneOffCommand {
  readonly service: string;
  /** The container's name, by which its outcome is read, also after a crash of whoever began it. */
  readonly name: string;
  /** In place of the image's entrypoint and command. */
  readonly command: readonly string[];
  readonly signal?: AbortSignal;
}

const COMPOSE_FILES = ['compose.yaml', 'compose.override.yaml'];

export function openCompose(options: ComposeOptions): Compose {
  const { memory = new ComposeMemory() } = options;
  const program = new ComposeProgram({
    memory,
    folder: options.folder,
    project: options.project,
    binary: options.composeBinary,
    dockerHost: options.dockerHost,
    env: options.env,
  });
  const files = (options.files ?? []).flatMap((file) => ['--file', file]);
  const apply = async (args: readonly string[], about: string, given: InvokeOptions = {}): Promise<void> => {
    await program.invoke([...files, ...args], about, given);
  };
  const ask = (args: readonly string[], about: string): Promise<string> =>
    program.invoke([...files, ...args], about, { timeoutMs: 60_000 });
  return {
    folder: options.folder,
    version: () => program.version(),
    config: async () => modelFrom(await ask(['config', '--format', 'json'], 'read the stack')),
    hashes: () =>
      memory.hashes(readFiles(options), async () =>
        hashesFrom(await ask(['config', '--hash', '*'], 'read the stack')),
      ),
    up: (given = {}) => apply(upArguments(given), 'start the stack', given),
    start: (given = {}) => apply(['start', ...(given.services ?? [])], 'start the services', given),
    pending: async (given = {}) => {
      const changes: ComposeProgress[] = [];
      const onProgress = (progress: ComposeProgress): void => {
        if (progress.status !== 'Running') changes.push(progress);
      };
      await apply(['--dry-run', ...upArguments(given)], 'compare the stack', { ...given, onProgress });
      return changes;
    },
    begin: ({ service, name, command: [entrypoint = '', ...words], signal }) =>
      apply(
        ['run', '--detach', '--no-deps', '--name', name, '--entrypoint', entrypoint, service, ...words],
        `run "${entrypoint}" for ${service}`,
        signal === undefined ? {} : { signal },
      ),
    ps: async () => containersFrom(await ask(['ps', '--all', '--format', 'json'], 'list the stack')),
  };
}

export function upArguments(options: UpOptions): readonly string[] {
  const { stopTimeoutSeconds: stop, waitTimeoutSeconds: wait } = options;
  return [
    'up',
    '--detach',
    '--pull',
    'never',
    '--no-build',
    ...(options.noRecreate ? ['--no-recreate'] : []),
    ...(options.forceRecreate ? ['--force-recreate'] : []),
    ...(options.removeOrphans ? ['--remove-orphans'] : []),
    ...Object.entries(options.scale ?? {}).flatMap(([service, count]) => ['--scale', `${service}=${count}`]),
    ...(options.noDeps ? ['--no-deps'] : []),
    ...(options.wait ? ['--wait'] : []),
    ...(options.wait && wait !== undefined ? ['--wait-timeout', String(wait)] : []),
    ...(stop === undefined ? [] : ['--timeout', String(stop)]),
    ...(options.services ?? []),
  ];
}

function modelFrom(text: string): ComposeModel {
  try {
    return JSON.parse(text) as ComposeModel;
  } catch (cause) {
    throw new OnsteadError('compose.failed', 'Compose printed no model of the stack.', {
      next: "See what `docker compose config` says in the stack's folder.",
      cause,
    });
  }
}

/** What Compose reads to make containers from. */
function readFiles({
  folder,
  files = COMPOSE_FILES.map((name) => join(folder, name)),
}: ComposeOptions): string[] {
  return [...files, join(folder, '.env')];
}

/** A line a service: its name and its hash. */
function hashesFrom(text: string): Hashes {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
}

const ONE_OFF = /(^|,)com\.docker\.compose\.oneoff=True(,|$)/;

interface RawContainer {
  readonly ID?: string;
  readonly Name?: string;
  readonly Service?: string;
  readonly Image?: string;
  readonly State?: string;
  readonly Health?: string;
  readonly ExitCode?: number;
  readonly Labels?: string;
}

/** One JSON object a line since 2.21, one array before. */
export function containersFrom(text: string): readonly ComposeContainer[] {
  const trimmed = text.trim();
  const raw = trimmed.startsWith('[')
    ? (JSON.parse(trimmed) as RawContainer[])
    : trimmed.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RawContainer]));
  return raw.map((container) => ({
    id: container.ID ?? '',
    name: container.Name ?? '',
    service: container.Service ?? '',
    image: container.Image ?? '',
    status: (container.State ?? 'created') as ContainerStatus,
    health: (container.Health || 'none') as ContainerHealth,
    exitCode: container.ExitCode ?? 0,
    oneOff: ONE_OFF.test(container.Labels ?? ''),
  }));
}
