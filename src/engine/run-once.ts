// One command in one container of its own, for migrations and one-shots: made, watched, read and removed. What a
// crash leaves behind carries a label and a name and is found again.

import { OnsteadError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Link } from './link.ts';
import { readOutcome, type OutcomeOptions, type RunOutcome } from './outcome.ts';

export const RUN_LABEL = 'dev.onstead.run';

const FEW_SHARES = 128;

export interface RunMount {
  /** A volume's name, or an absolute path on the host. */
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
}

export interface RunSpec extends OutcomeOptions {
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
  /** Against 1024 of a whole processor's service. Default: little, since nobody's request waits for it. */
  readonly cpuShares?: number;
  readonly pidsLimit?: number;
}

export async function runContainerOnce(link: Link, spec: RunSpec): Promise<RunOutcome> {
  const id = spec.id ?? newId('run', new Date());
  const about = `run "${(spec.cmd ?? spec.entrypoint ?? [spec.image])[0]}" in a container of ${spec.image}`;
  await clearLeftover(link, id);
  const container = await link.call(about, (docker, abortSignal) =>
    docker.createContainer(creation(spec, id, abortSignal) as object),
  );
  try {
    await link.call(about, (_, abortSignal) => container.start({ abortSignal } as object), {
      signal: spec.signal,
    });
    return await readOutcome(link, container.id, spec);
  } finally {
    // An engine that is away keeps it until `removeLeftovers`; the run's own outcome matters more.
    await removeContainer(link, container.id).catch(() => {});
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
    CpuShares: spec.cpuShares ?? FEW_SHARES,
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
export async function removeContainer(link: Link, id: string): Promise<void> {
  const about = `remove container ${id}`;
  for (let tries = 0; ; tries += 1) {
    try {
      await link.callIfAny(about, (docker, abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      );
      return;
    } catch (error) {
      if (!(error instanceof OnsteadError) || error.code !== 'engine.conflict' || tries >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
