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

const checkout = new URL('../..', import.meta.url).pathname;
const main = join(checkout, 'src/main.ts');

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class TestAppliance {
  readonly paths: Paths;
  readonly project: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly client: Client;
  readonly engine: Engine;
  #daemon: ChildProcess | undefined;

  private constructor(root: string, project: string, ports: readonly [number, number], engine: Engine) {
    this.paths = pathsUnder(root);
    this.project = project;
    [this.httpPort, this.httpsPort] = ports;
    this.client = new Client(this.paths.socket);
    this.engine = engine;
  }

  static async make(options: {
    readonly publicKey: string;
    readonly limits?: string;
  }): Promise<TestAppliance> {
    // Short: a unix socket's path may have no more than 107 characters.
    const root = await mkdtemp('/tmp/ons-');
    const project = `ons-${root
      .slice(-6)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, 'x')}`;
    const ports = [await freePort(), await freePort()] as const;
    const appliance = new TestAppliance(root, project, ports, await connectEngine());
    await mkdir(appliance.paths.trust, { recursive: true });
    await copyFile(options.publicKey, join(appliance.paths.trust, 'test.pub'));
    await appliance.writeSettings(
      // A share of the machine, so that several appliances and the tests themselves fit beside each other.
      `limits: ${options.limits ?? '{ memory: 5G, disk: 40G }'}\n`,
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
    const daemon = spawn(process.execPath, [main, 'serve'], {
      env: { ...process.env, ...env, ONSTEAD_ROOT: this.paths.root },
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    this.#daemon = daemon;
    await log.close();
    while (daemon.exitCode === null && daemon.signalCode === null) {
      const answered = await this.client.get('/api/version').catch(() => undefined);
      if (answered !== undefined) return;
      await sleep(50);
    }
  }

  get isRunning(): boolean {
    return this.#daemon !== undefined && this.#daemon.exitCode === null && this.#daemon.signalCode === null;
  }

  get pid(): number {
    return this.#daemon!.pid!;
  }

  /** Asks it to stop, as systemd would; resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.#daemon!.kill(signal);
    await this.ended();
  }

  async ended(): Promise<void> {
    while (this.isRunning) await sleep(20);
  }

  log(): Promise<string> {
    return readFile(join(this.paths.root, 'daemon.log'), 'utf8');
  }

  /** The CLI in a process of its own, as a person runs it. */
  onstead(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return runCommand(process.execPath, [main, ...args], {
      env: { ...process.env, ...env, ONSTEAD_ROOT: this.paths.root },
    });
  }

  /** `docker compose` by hand in the stack's folder. */
  compose(args: readonly string[]): Promise<CliResult> {
    return runCommand('docker', ['compose', ...args], { cwd: this.paths.stack, env: process.env });
  }

  async operation(id?: string): Promise<OperationView> {
    if (id !== undefined) return this.client.get<OperationView>(`/api/operations/${id}`);
    const [newest] = await this.client.get<OperationView[]>('/api/operations');
    if (newest === undefined) throw new Error('no operation yet');
    return newest;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await this.onstead(['uninstall', '--yes']);
    // What a failed test may have left where uninstall finds it by no label.
    for (const { id } of await this.engine.containers.list({ project: this.project })) {
      await this.engine.containers.remove(id, { volumes: true });
    }
    await rm(this.paths.root, { recursive: true, force: true });
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
