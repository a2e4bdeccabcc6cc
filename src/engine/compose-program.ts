// The Compose program as a child process: found once, given nothing of our own environment but PATH and HOME, its
// exit code never lost, its errors one sentence.

import { isOnsteadError, OnsteadError, systemCode } from '../base/errors.ts';
import type { RunResult } from '../base/process.ts';
import { run } from '../base/process.ts';
import { knownCureFor, lost, readEngineLog } from './failures.ts';
import type { ComposeMemory } from './compose-memory.ts';
import type { ComposeLine, ComposeProgress } from './compose-progress.ts';
import {
  failureText,
  FIRST_WITH_JSON,
  isAtLeast,
  OLDEST_COMPOSE,
  readLine,
  versionIn,
} from './compose-progress.ts';

export interface ProgramOptions {
  /** An absolute path runs standalone; without it `docker compose` is used. */
  readonly binary?: string | undefined;
  readonly dockerHost?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly folder: string;
  readonly project?: string | undefined;
  readonly memory: ComposeMemory;
}

export interface InvokeOptions {
  readonly onProgress?: ((progress: ComposeProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 30 * 60_000;
const ANY_CODE = Array.from({ length: 257 }, (_, index) => index - 1);
const BY_HAND = "By hand it is `docker compose up` in the stack's folder.";
const NEXT_INSTALL =
  'Install the Compose plugin (Debian: "apt-get install docker-compose-v2") or ship its binary.';

export class ComposeProgram {
  readonly #options: ProgramOptions;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /** `2.40.3`. */
  version(): Promise<string> {
    return this.#options.memory.version(() => this.#ask());
  }

  /** `about` names it for people: `start the stack`. Returns stdout. */
  async invoke(args: readonly string[], about: string, options: InvokeOptions = {}): Promise<string> {
    const progress = isAtLeast(await this.version(), FIRST_WITH_JSON) ? 'json' : 'plain';
    const { folder, project } = this.#options;
    const all = [
      '--ansi',
      'never',
      '--progress',
      progress,
      '--project-directory',
      folder,
      ...(project === undefined ? [] : ['--project-name', project]),
      ...args,
    ];
    const lines: ComposeLine[] = [];
    const result = await this.#run(all, about, {
      ...options,
      onLine: (text) => {
        const line = readLine(text);
        // A long run prints much that nobody needs again; what an error needs is kept.
        if (line.kind === 'progress') options.onProgress?.(line.progress);
        else if (lines.push(line) > 200) lines.shift();
      },
    });
    if (result.code !== 0) throw failed(about, result, lines);
    return result.stdout;
  }

  async #ask(): Promise<string> {
    const { code, stdout } = await this.#run(['version', '--short'], 'ask Compose for its version', {
      timeoutMs: 30_000,
    });
    const version = code === 0 ? versionIn(stdout) : undefined;
    if (version === undefined) {
      throw new OnsteadError('compose.missing', 'Docker has no Compose plugin on this machine.', {
        next: NEXT_INSTALL,
      });
    }
    if (!isAtLeast(version, OLDEST_COMPOSE)) {
      throw new OnsteadError(
        'compose.too-old',
        `Compose ${version} is too old: ${OLDEST_COMPOSE} or newer is needed.`,
        { next: NEXT_INSTALL },
      );
    }
    return version;
  }

  async #run(
    args: readonly string[],
    about: string,
    options: InvokeOptions & { readonly onLine?: (line: string) => void },
  ): Promise<RunResult> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, onLine } = options;
    const { binary, folder } = this.#options;
    const [command, head] = binary === undefined ? ['docker', ['compose']] : [binary, []];
    signal?.throwIfAborted();
    try {
      return await run(command, [...head, ...args], {
        cwd: folder,
        env: this.#environment(),
        accept: ANY_CODE,
        timeoutMs,
        ...(signal === undefined ? {} : { signal }),
        ...(onLine === undefined
          ? {}
          : { onLine: (line: string, stream: string) => (stream === 'stderr' ? onLine(line) : undefined) }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw translate(error, command, folder, about, timeoutMs);
    }
  }

  #environment(): NodeJS.ProcessEnv {
    const { dockerHost, env } = this.#options;
    return {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'] ?? '/root',
      ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
      DOCKER_CLI_HINTS: 'false',
      COMPOSE_MENU: 'false',
      // Compose asks buildx what it is even where nothing is built, and buildx leaves files where it looks.
      BUILDX_CONFIG: '/run/onstead/buildx',
      ...env,
    };
  }
}

function failed(about: string, result: RunResult, lines: readonly ComposeLine[]): OnsteadError {
  const said = failureText(lines) || `it ended with code ${result.code}`;
  // Not in what is shown alone: "failed to start containers" may end a run whose first line names the lost engine.
  if (ENGINE_GONE.test(lines.map(messageOf).join('\n'))) return lost(about);
  return new OnsteadError('compose.failed', `Could not ${about}: ${said}`, {
    next: nextFor(said),
    details: [{ message: said, exitCode: result.code }],
  });
}

function messageOf(line: ComposeLine): string {
  return line.kind === 'progress' ? '' : line.message;
}

/**
 * An engine that went away in the middle may come back; callers wait for it as for any other lost call. One that was
 * killed and is just back may still be clearing up a container's last run: its task or id is still taken.
 */
const ENGINE_GONE =
  /cannot connect to the docker daemon|error during connect|connection refused|unexpected EOF|task [0-9a-f]{64}: already exists|id already in use/i;

function nextFor(said: string): string {
  if (/no such image|pull access denied|manifest unknown/i.test(said)) {
    return 'Load the bundle that holds this image, then try again.';
  }
  return knownCureFor(said) ?? `Mend what Compose names, then try again. ${BY_HAND}`;
}

function translate(
  error: unknown,
  command: string,
  folder: string,
  about: string,
  timeoutMs: number,
): OnsteadError {
  if (isOnsteadError(error, 'process.failed')) {
    return new OnsteadError('compose.timeout', `It took longer than ${timeoutMs / 1000} s to ${about}.`, {
      next: `See what it waits for with \`docker ps\` and in the log of the engine. ${BY_HAND}`,
      cause: error,
    });
  }
  if (!isOnsteadError(error, 'process.missing')) {
    return new OnsteadError('compose.failed', `Could not ${about}.`, {
      next: `${readEngineLog} ${BY_HAND}`,
      cause: error,
    });
  }
  const code = systemCode(error.cause);
  const what =
    code === 'EACCES' ? `"${command}" may not be run` : `"${command}" or the folder ${folder} is missing`;
  return new OnsteadError('compose.missing', `Could not ${about}: ${what}.`, {
    next: NEXT_INSTALL,
    cause: error,
  });
}
