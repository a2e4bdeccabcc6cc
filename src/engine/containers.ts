// Containers: look, steer, run commands, read logs, wait for health.

import type { Container } from 'dockerode';
import { isOnsteadError, messageOf } from '../base/errors.ts';
import type { ContainerFacts, ContainerStatus, ContainerSummary } from './container-facts.ts';
import { factsFrom, summaryFrom } from './container-facts.ts';
import type { ExecResult, ExecSpec } from './exec.ts';
import { execute } from './exec.ts';
import { statusOf } from './failures.ts';
import type { CallOptions, Link } from './link.ts';
import type { LogLine, LogOptions } from './logs.ts';
import { readLogs } from './logs.ts';
import { readOutcome, type OutcomeOptions, type RunOutcome } from './outcome.ts';
import type { RunSpec } from './run-once.ts';
import { removeContainer, RUN_LABEL, runContainerOnce } from './run-once.ts';
import type { ContainerUsage } from './stats.ts';
import { readUsage } from './stats.ts';
import type { WaitOptions } from './wait-healthy.ts';
import { waitUntilHealthy } from './wait-healthy.ts';

export interface ContainerFilter {
  readonly project?: string;
  readonly service?: string;
  /** `key` or `key=value`; all must match. */
  readonly labels?: readonly string[];
  readonly name?: string;
  readonly status?: readonly ContainerStatus[];
}

type Steering = (container: Container, abortSignal: AbortSignal) => Promise<unknown>;

/** A container's `StopTimeout` is its image's own affair: be patient, then say that it hangs. */
const STOP_PATIENCE_MS = 10 * 60_000;

interface StopOptions {
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

const STOP_TRIES = 10;

export class Containers {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Running or not. */
  async list(filter: ContainerFilter = {}): Promise<readonly ContainerSummary[]> {
    const raw = await this.#link.call('list containers', (docker, abortSignal) =>
      docker.listContainers({ all: true, filters: filtersFrom(filter), abortSignal } as object),
    );
    return raw.map(summaryFrom);
  }

  async inspect(id: string): Promise<ContainerFacts | undefined> {
    const raw = await this.#link.callIfAny(`inspect container ${id}`, (docker, abortSignal) =>
      docker.getContainer(id).inspect({ abortSignal } as object),
    );
    return raw === undefined ? undefined : factsFrom(raw);
  }

  /** Fine where it runs already. */
  async start(id: string): Promise<void> {
    await this.#steer(id, 'start', (container, abortSignal) => container.start({ abortSignal } as object));
  }

  /** Its stop signal, then SIGKILL after so many seconds. Fine where it is stopped already. */
  async stop(id: string, options: StopOptions = {}): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#stop(id, options);
      } catch (error) {
        // It ended, or is between two of its starts, at that very moment.
        if (!/is not running/.test(messageOf(error)) || tries === STOP_TRIES) throw error;
        const status = (await this.inspect(id))?.status;
        if (status !== 'running' && status !== 'restarting') return;
      }
    }
  }

  #stop(id: string, { timeoutSeconds: t, signal }: StopOptions): Promise<void> {
    return this.#steer(
      id,
      'stop',
      (container, abortSignal) =>
        container.stop({ ...(t === undefined ? {} : { t }), abortSignal } as object),
      { signal, timeoutMs: t === undefined ? STOP_PATIENCE_MS : (t + 60) * 1000 },
    );
  }

  /** Any signal by name: `SIGQUIT` drains nginx. */
  async kill(id: string, signal = 'SIGKILL'): Promise<void> {
    await this.#steer(id, `send ${signal} to`, (container, abortSignal) =>
      container.kill({ signal, abortSignal } as object),
    );
  }

  /** By force, with its anonymous volumes; fine where it is gone already. */
  remove(id: string): Promise<void> {
    return removeContainer(this.#link, id);
  }

  exec(id: string, spec: ExecSpec): Promise<ExecResult> {
    return execute(this.#link, id, spec);
  }

  logs(id: string, options: LogOptions = {}): AsyncIterable<LogLine> {
    return readLogs(this.#link, id, options);
  }

  /** Titles of what runs inside, as the machine's own `ps` shows them. */
  async processes(id: string): Promise<readonly string[]> {
    const listed = await this.#link.call(`list the processes of container ${id}`, (docker, abortSignal) =>
      docker.getContainer(id).top({ ps_args: '-eo pid,args', abortSignal } as object),
    );
    return (listed.Processes as readonly (readonly string[])[]).map((row) => row.slice(1).join(' '));
  }

  usage(id: string): Promise<ContainerUsage | undefined> {
    return readUsage(this.#link, id);
  }

  /** All of them healthy, or the first that cannot become so as an `engine.not-healthy`. */
  waitHealthy(ids: readonly string[], options: WaitOptions): Promise<readonly ContainerFacts[]> {
    return waitUntilHealthy(this.#link, (id) => this.inspect(id), ids, options);
  }

  /** Waits until its one command has ended. */
  outcome(id: string, options: OutcomeOptions = {}): Promise<RunOutcome> {
    return readOutcome(this.#link, id, options);
  }

  runOnce(spec: RunSpec): Promise<RunOutcome> {
    return runContainerOnce(this.#link, spec);
  }

  /** What a crash left of `runOnce`, narrowed by a label that was given to it. Returns the names. */
  async removeLeftovers(label?: string): Promise<readonly string[]> {
    const labels = label === undefined ? [RUN_LABEL] : [RUN_LABEL, label];
    const left = await this.list({ labels });
    for (const { id } of left) await this.remove(id);
    return left.map(({ name }) => name);
  }

  async #steer(id: string, about: string, work: Steering, options: CallOptions = {}): Promise<void> {
    try {
      await this.#link.call(
        `${about} container ${id}`,
        (docker, abortSignal) => work(docker.getContainer(id), abortSignal),
        options,
      );
    } catch (error) {
      // 304: it is in that state already.
      if (!isOnsteadError(error) || statusOf(error.cause) !== 304) throw error;
    }
  }
}

function filtersFrom(filter: ContainerFilter): Record<string, readonly string[]> {
  const labels = [...(filter.labels ?? [])];
  if (filter.project !== undefined) labels.push(`com.docker.compose.project=${filter.project}`);
  if (filter.service !== undefined) labels.push(`com.docker.compose.service=${filter.service}`);
  return {
    ...(labels.length === 0 ? {} : { label: labels }),
    ...(filter.name === undefined ? {} : { name: [`^/${filter.name}$`] }),
    ...(filter.status === undefined ? {} : { status: filter.status }),
  };
}
