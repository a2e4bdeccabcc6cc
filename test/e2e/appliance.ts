// An appliance of a test's own on the real engine: its own root folder, Compose project and ports, the daemon as a
// real process, the CLI as a person runs it. Everything is removed at the end.

import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { pathsUnder, type Paths } from '../../src/base/paths.ts';
import { Client } from '../../src/cli/client.ts';
import { connectEngine, type Engine } from '../../src/engine/index.ts';
import type { OperationView } from '../../src/api/schemas.ts';
import { childOf, type PrivateMachine } from './private-machine.ts';

const checkout = new URL('../..', import.meta.url).pathname;
const main = join(checkout, 'src/main.ts');
const asker = join(checkout, 'test/e2e/ask-edge.ts');

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly body: string;
}

export class TestAppliance {
  readonly paths: Paths;
  readonly project: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly #machine: PrivateMachine | undefined;
  readonly #program: readonly string[];
  readonly #engine: Engine | undefined;
  #daemon: ChildProcess | undefined;
  #daemonPid = 0;

  private constructor(
    root: string,
    ports: readonly [number, number],
    engine: Engine | undefined,
    machine: PrivateMachine | undefined,
    program: readonly string[],
  ) {
    this.paths = pathsUnder(root);
    this.project = `ons-${root
      .slice(-6)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, 'x')}`;
    [this.httpPort, this.httpsPort] = ports;
    this.#engine = engine;
    this.#machine = machine;
    this.#program = program;
  }

  get client(): Client {
    return new Client(this.#machine?.seen(this.paths.socket) ?? this.paths.socket);
  }

  get engine(): Engine {
    return this.#engine ?? this.#machine!.engine;
  }

  static async make(options: {
    readonly publicKey: string;
    readonly limits?: string;
    /** That part of the settings. Default: as the product has it. */
    readonly upgrade?: string;
    /** Runs on the engine of that machine and inside it, in place of this one. */
    readonly machine?: PrivateMachine;
    /** The words that start Onstead. Default: this Node on the sources. */
    readonly program?: readonly string[];
  }): Promise<TestAppliance> {
    // Short: a unix socket's path may have no more than 107 characters.
    const root = await mkdtemp('/tmp/ons-');
    const ports = [await freePort(), await freePort()] as const;
    const { machine, program = [process.execPath, main] } = options;
    const engine = machine === undefined ? await connectEngine() : undefined;
    const appliance = new TestAppliance(root, ports, engine, machine, program);
    await mkdir(appliance.paths.trust, { recursive: true });
    await copyFile(options.publicKey, join(appliance.paths.trust, 'test.pub'));
    await appliance.writeSettings(
      // A share of the machine, so that several appliances and the tests themselves fit beside each other.
      `limits: ${options.limits ?? '{ memory: 5G, disk: 40G }'}\n` +
        (options.upgrade === undefined ? '' : `upgrade: ${options.upgrade}\n`),
    );
    return appliance;
  }

  async writeSettings(more = ''): Promise<void> {
    const text = `project: ${this.project}\nedge: { http: ${this.httpPort}, https: ${this.httpsPort} }\n${more}`;
    await writeFile(this.paths.settings, text);
  }

  /** Starts the daemon and waits until it answers, unless it ends before. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = await open(join(this.paths.root, 'daemon.log'), 'a');
    const [command, ...args] = this.#inside([...this.#program, 'serve']);
    const daemon = spawn(command, args, {
      env: { ...process.env, ...env, ONSTEAD_ROOT: this.paths.root },
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    this.#daemon = daemon;
    await log.close();
    this.#daemonPid = this.#machine === undefined ? daemon.pid! : await childOf(daemon.pid!);
    while (daemon.exitCode === null && daemon.signalCode === null) {
      const answered = await this.client.get('/api/version').catch(() => undefined);
      if (answered !== undefined) return;
      await sleep(10);
    }
  }

  get isRunning(): boolean {
    return this.#daemon !== undefined && this.#daemon.exitCode === null && this.#daemon.signalCode === null;
  }

  get pid(): number {
    return this.#daemonPid;
  }

  /** Asks it to stop, as systemd would; resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    try {
      process.kill(this.#daemonPid, signal);
    } catch {
      // it ended just now, for example with its machine
    }
    await this.ended();
  }

  ended(): Promise<void> {
    return this.endedWithin(Infinity);
  }

  async endedWithin(ms: number): Promise<void> {
    for (const untilMs = performance.now() + ms; this.isRunning && performance.now() < untilMs;)
      await sleep(20);
  }

  log(): Promise<string> {
    return readFile(join(this.paths.root, 'daemon.log'), 'utf8');
  }

  /** The CLI in a process of its own, as a person runs it. */
  onstead(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return this.run([...this.#program, ...args], {
      env: { ...process.env, ...env, ONSTEAD_ROOT: this.paths.root },
    });
  }

  /** `docker compose` by hand in the stack's folder. */
  compose(args: readonly string[]): Promise<CliResult> {
    return this.run(['docker', 'compose', ...args], { cwd: this.paths.stack, env: process.env });
  }

  /** Any command, where the appliance is. */
  run(
    words: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
  ): Promise<CliResult> {
    const { cwd } = options;
    // Entering another view of the disk leaves the folder one was in.
    if (this.#machine === undefined || cwd === undefined) {
      const [command, ...args] = this.#inside(words);
      return runCommand(command, args, options);
    }
    const [command, ...args] = this.#inside(['env', '-C', cwd, ...words]);
    return runCommand(command, args, { ...options, cwd: '/' });
  }

  /** One request through the edge, from a program where the appliance is, which trusts the appliance's own authority. */
  async ask(path: string, options: { readonly body?: object } = {}): Promise<EdgeAnswer> {
    const ca = (await this.onstead(['certificate'])).stdout;
    const question = JSON.stringify({ port: this.httpsPort, path, ca, ...options });
    const { stdout, stderr } = await this.run([process.execPath, asker], { input: question });
    if (stdout === '') throw new Error(`no answer from the edge: ${stderr}`);
    return JSON.parse(stdout) as EdgeAnswer;
  }

  #inside(words: readonly string[]): [string, ...string[]] {
    return [...(this.#machine?.prefix ?? []), ...words] as [string, ...string[]];
  }

  async operation(id?: string): Promise<OperationView> {
    if (id !== undefined) return this.client.get<OperationView>(`/api/operations/${id}`);
    const [newest] = await this.client.get<OperationView[]>('/api/operations');
    if (newest === undefined) throw new Error('no operation yet');
    return newest;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    // A machine of its own goes as a whole.
    if (this.#machine === undefined) await this.#removeStack();
    await rm(this.paths.root, { recursive: true, force: true });
  }

  async #removeStack(): Promise<void> {
    await this.onstead(['uninstall', '--yes']);
    // What a failed test may have left where uninstall finds it by no label.
    for (const { id } of await this.engine.containers.list({ project: this.project })) {
      await this.engine.containers.remove(id);
    }
  }
}

export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: options.cwd, env: options.env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
