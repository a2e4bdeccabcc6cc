// One command in one container of its own, for migrations and one-shots: made, watched, read and removed. What a
// crash leaves behind carries a label and a name and is found again.

import type { Duplex } from 'node:stream';
import type { Container } from 'dockerode';
import { OnsteadError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { LineSplitter, readPieces } from './frames.ts';
import type { StreamName } from './frames.ts';
import type { Link } from './link.ts';

export const RUN_LABEL = 'dev.onstead.run';

export interface RunMount {
  /** A volume's name, or an absolute path on the host. */
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
}

export interface RunSpec {
  readonly image: string;
  /** The name, so that the same step of the same operation finds what an earlier try left. Default: a new one. */
  readonly id?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** Visible in the engine's records: no secrets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly RunMount[];
  /** Path to options: `{ '/tmp': 'size=64m' }`. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  /** Default `none`. */
  readonly network?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default true. */
  readonly readOnly?: boolean;
  /** Added to none: all are dropped. */
  readonly capAdd?: readonly string[];
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pidsLimit?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string, stream: StreamName) => void;
  /** The end of the output is kept up to this. Default 256 KB. */
  readonly keepBytes?: number;
}

export interface RunOutcome {
  readonly code: number;
  /** stdout and stderr as they came, the head dropped beyond `keepBytes`. */
  readonly output: string;
  readonly oomKilled: boolean;
  readonly durationMs: number;
}

const DEFAULT_TIMEOUT_MS = 60 * 60_000;
const KEEP_BYTES = 256 * 1024;

export async function runContainerOnce(link: Link, spec: RunSpec): Promise<RunOutcome> {
  const id = spec.id ?? newId('run', new Date());
  const about = `run "${(spec.cmd ?? spec.entrypoint ?? [spec.image])[0]}" in a container of ${spec.image}`;
  await clearLeftover(link, id);
  const container = await link.call(about, (docker, abortSignal) =>
    docker.createContainer(creation(spec, id, abortSignal) as object),
  );
  try {
    return await attend(link, container, spec, about);
  } finally {
    // An engine that is away keeps it until `removeLeftovers`; the run's own outcome matters more.
    await removeContainer(link, container.id).catch(() => {});
  }
}

async function attend(link: Link, container: Container, spec: RunSpec, about: string): Promise<RunOutcome> {
  const began = performance.now();
  const socket = (await link.call(about, (_, abortSignal) =>
    container.attach({ stream: true, stdout: true, stderr: true, hijack: true, abortSignal }),
  )) as unknown as Duplex;
  const tail = new OutputTail(spec);
  const reading = tail.read(socket);
  const timeoutMs = spec.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  try {
    await link.call(about, (_, abortSignal) => container.start({ abortSignal } as object), {
      signal: spec.signal,
    });
    await link.call(about, (_, abortSignal) => container.wait({ abortSignal } as object), {
      signal: spec.signal,
      timeoutMs,
    });
    await reading;
    const { State: state } = await link.call(about, () => container.inspect());
    const durationMs = performance.now() - began;
    return { code: state.ExitCode, output: tail.text, oomKilled: state.OOMKilled, durationMs };
  } catch (error) {
    if (error instanceof OnsteadError && error.code === 'engine.timeout')
      throw late(about, timeoutMs, tail.text);
    throw error;
  } finally {
    socket.destroy();
  }
}

function late(about: string, timeoutMs: number, output: string): OnsteadError {
  return new OnsteadError('engine.run-timeout', `It took longer than ${timeoutMs / 1000} s (${about}).`, {
    next: 'Read its last lines below; if it is only slow, allow it more time.',
    details: [{ message: output.split('\n').slice(-20).join('\n') }],
  });
}

class OutputTail {
  text = '';
  readonly #spec: RunSpec;

  constructor(spec: RunSpec) {
    this.#spec = spec;
  }

  async read(socket: Duplex): Promise<void> {
    const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
    try {
      for await (const { stream, data } of readPieces(socket))
        this.#add(splitters[stream].push(data), stream);
    } catch {
      // Cut off: the call that waits for the container's end says why.
    }
    for (const stream of ['stdout', 'stderr'] as const) this.#add(splitters[stream].end(), stream);
  }

  #add(lines: readonly string[], stream: StreamName): void {
    for (const line of lines) {
      this.text = `${this.text}${line}\n`.slice(-(this.#spec.keepBytes ?? KEEP_BYTES));
      this.#spec.onLine?.(line, stream);
    }
  }
}

function creation(spec: RunSpec, name: string, abortSignal: AbortSignal): object {
  const body = {
    Image: spec.image,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.cmd === undefined ? {} : { Cmd: spec.cmd }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.workdir === undefined ? {} : { WorkingDir: spec.workdir }),
    Env: Object.entries(spec.env ?? {}).map(([key, value]) => `${key}=${value}`),
    Labels: { ...spec.labels, [RUN_LABEL]: name },
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(spec),
  };
  // dockerode would repeat the whole body in the address.
  return { _query: { name }, _body: body, abortSignal };
}

function hostConfig(spec: RunSpec): object {
  return {
    NetworkMode: spec.network ?? 'none',
    ReadonlyRootfs: spec.readOnly ?? true,
    CapDrop: ['ALL'],
    CapAdd: spec.capAdd ?? [],
    SecurityOpt: ['no-new-privileges:true'],
    Init: true,
    PidsLimit: spec.pidsLimit ?? 512,
    Memory: spec.memoryBytes ?? 0,
    NanoCpus: Math.round((spec.cpus ?? 0) * 1e9),
    Tmpfs: spec.tmpfs ?? {},
    Mounts: (spec.mounts ?? []).map(({ source, target, readOnly }) => ({
      Type: source.startsWith('/') ? 'bind' : 'volume',
      Source: source,
      Target: target,
      ReadOnly: readOnly ?? false,
    })),
    // Whatever the host's default is: a long migration must not fill the disk.
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
  };
}

/** What an earlier try of the same run left is removed; somebody else's container of that name is not touched. */
async function clearLeftover(link: Link, name: string): Promise<void> {
  const found = await link.callIfAny(`look for container ${name}`, (docker, abortSignal) =>
    docker.getContainer(name).inspect({ abortSignal } as object),
  );
  if (found === undefined) return;
  if (found.Config.Labels[RUN_LABEL] === undefined) {
    throw new OnsteadError('engine.conflict', `A container named "${name}" is there and is not ours.`, {
      next: `Rename it ("docker rename ${name} …"), then try again.`,
    });
  }
  await removeContainer(link, found.Id);
}

/** Gone when it returns, also where somebody else is removing it already. */
export async function removeContainer(
  link: Link,
  id: string,
  options: { readonly volumes?: boolean } = {},
): Promise<void> {
  const about = `remove container ${id}`;
  for (let tries = 0; ; tries += 1) {
    try {
      await link.callIfAny(about, (docker, abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: options.volumes ?? false, abortSignal }),
      );
      return;
    } catch (error) {
      if (!(error instanceof OnsteadError) || error.code !== 'engine.conflict' || tries >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
