// The line to one engine: every call has a time limit, every failure one shape, and an engine that was upgraded
// while we ran (its API moved on) is negotiated with again, once, without the caller noticing.

import type { Address } from './address.ts';
import { createAgent } from './agent.ts';
import type { Offer } from './api-version.ts';
import { negotiate } from './api-version.ts';
import type { Docker } from './dockerode.ts';
import { loadDockerode } from './dockerode.ts';
import { isVersionMismatch, notDocker, timedOut, translate } from './failures.ts';
import { isOnsteadError } from '../base/errors.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Until the answer is complete; where the answer is a stream, until it begins. */
  readonly timeoutMs?: number | undefined;
}

/** dockerode takes `abortSignal` with every call; its types know it for some, hence `as object` where it is passed. */
type Work<T> = (docker: Docker, abortSignal: AbortSignal) => Promise<T>;

export const CALL_TIMEOUT_MS = 60_000;

export class Link {
  readonly address: Address;
  #docker: Docker;
  #apiVersion = '';

  constructor(address: Address) {
    this.address = address;
    this.#docker = dial(address);
  }

  get apiVersion(): string {
    return this.#apiVersion;
  }

  /** Asks the engine what it speaks and pins the highest version that both know. */
  async negotiate(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const bare = dial(this.address);
    const offer = await this.#attempt('ask for its version', (_, abortSignal) => ask(bare, abortSignal), {
      timeoutMs,
    });
    if (offer === undefined) throw notDocker(this.address);
    this.#apiVersion = negotiate(offer);
    this.#docker = dial(this.address, this.#apiVersion);
  }

  async call<T>(about: string, work: Work<T>, options: CallOptions = {}): Promise<T> {
    try {
      return await this.#attempt(about, work, options);
    } catch (error) {
      if (!isOnsteadError(error) || !isVersionMismatch(error.cause)) throw error;
      await this.negotiate();
      return this.#attempt(about, work, options);
    }
  }

  /** As `call`, and a thing that does not exist is undefined. */
  async callIfAny<T>(about: string, work: Work<T>, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.call(about, work, options);
    } catch (error) {
      if (isOnsteadError(error, 'engine.not-found')) return undefined;
      throw error;
    }
  }

  translate(error: unknown, about: string): Error {
    return translate(error, about, this.address);
  }

  async #attempt<T>(about: string, work: Work<T>, options: CallOptions): Promise<T> {
    const { signal, timeoutMs = CALL_TIMEOUT_MS } = options;
    signal?.throwIfAborted();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), timeoutMs);
    // The timer is gone once there is an answer; the caller's signal still cuts an answer that is a stream.
    const either = signal === undefined ? patience.signal : AbortSignal.any([patience.signal, signal]);
    try {
      return await work(this.#docker, either);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (patience.signal.aborted) throw timedOut(about, timeoutMs);
      throw translate(error, about, this.address);
    } finally {
      clearTimeout(timer);
    }
  }
}

function dial(address: Address, apiVersion?: string): Docker {
  const Client = loadDockerode();
  return new Client({
    // Named even when undefined: dockerode fills what is missing from this process's DOCKER_HOST.
    host: undefined,
    port: undefined,
    socketPath: undefined,
    protocol: 'http',
    ...(address.kind === 'socket'
      ? { socketPath: address.path }
      : { host: address.host, port: address.port }),
    ...(apiVersion === undefined ? {} : { version: `v${apiVersion}` }),
    agent: createAgent(),
  });
}

interface VersionAnswer {
  readonly Version?: unknown;
  readonly ApiVersion?: unknown;
  readonly MinAPIVersion?: unknown;
  readonly Components?: readonly { readonly Name?: string }[];
}

/** Undefined where the answer is not Docker's. Podman answers the same address, and says so in its components. */
async function ask(docker: Docker, abortSignal: AbortSignal): Promise<Offer | undefined> {
  const answer: VersionAnswer | null = await versionOf(docker, abortSignal);
  if (answer === null || typeof answer !== 'object') return undefined;
  const { Version, ApiVersion, MinAPIVersion, Components = [] } = answer;
  if (typeof Version !== 'string' || typeof ApiVersion !== 'string') return undefined;
  if (Components.some(({ Name }) => /podman/i.test(Name ?? ''))) return undefined;
  return {
    engineVersion: Version,
    newest: ApiVersion,
    oldest: typeof MinAPIVersion === 'string' ? MinAPIVersion : '1.12',
  };
}

async function versionOf(docker: Docker, abortSignal: AbortSignal): Promise<VersionAnswer | null> {
  try {
    return (await docker.version({ abortSignal })) as VersionAnswer;
  } catch (error) {
    // Some other web server: it has no such page.
    if (error !== null && typeof error === 'object' && 'statusCode' in error && error.statusCode !== 500) {
      return null;
    }
    throw error;
  }
}
