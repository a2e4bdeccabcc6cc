// A stack of the sample app for one test file: its own Compose project, hardened as an appliance runs it,
// gone with its data when the test ends.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { buildImages } from '../../compose/images/builder.ts';
import { findRelease, releaseCompose } from '../../compose/sample-app/releases.ts';
import { run } from '../../src/base/process.ts';
import type { RunOptions, RunResult } from '../../src/base/process.ts';

export const SECRETS = [
  'mysql_root_password',
  'mysql_password',
  'redis_password',
  's3_access_key',
  's3_secret_key',
];

export const HARDENED = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--tmpfs=/tmp'];

export function docker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run('docker', args, { timeoutMs: 90_000, ...options });
}

/** Service → image of the demo build; instant when they are there already. */
export async function demoImages(): Promise<Record<string, string>> {
  const images = await buildImages({ say: (line) => process.stderr.write(`# ${line}\n`) });
  const tag = (name: string): string => images.find((image) => image.name === name)!.image;
  return { mysql: tag('mysql'), redis: tag('redis'), nginx: tag('nginx'), minio: tag('object-store') };
}

export function writeSecrets(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of SECRETS) writeFileSync(join(folder, name), randomBytes(16).toString('hex'));
  chmodSync(folder, 0o755);
}

export async function until<T>(what: string, limitMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`Waited ${limitMs} ms for ${what}.`);
    await sleep(100);
  }
}

const HARDENING = `
    read_only: true
    cap_drop: [ALL]
    security_opt: [no-new-privileges]
    tmpfs: [/tmp, '/run/mysqld:uid=999,gid=999']
    stop_grace_period: 20s`;

const OVERRIDE = `services:
  app:${HARDENING}
    ports: ['127.0.0.1::3000']
    environment: { LAME_DUCK_SECONDS: '1' }
  mysql:${HARDENING}
  redis:${HARDENING}
  nginx:${HARDENING}
  minio:${HARDENING}
    ports: ['127.0.0.1::9000']
    command: []
`;

export interface Migrated {
  readonly version: number;
  readonly complete: boolean;
  readonly reversible: boolean;
  readonly applied: readonly { version: number; name: string; state: string; reversible: boolean }[];
  readonly pending: readonly { version: number; name: string; reversible: boolean }[];
  readonly broken: readonly { version: number; state: string }[];
}

interface AppOptions extends RunOptions {
  /** Added to the environment that the Compose file gives. */
  readonly env?: Readonly<Record<string, string>>;
}

export class SampleStack {
  readonly project = `onstead-test-${randomBytes(4).toString('hex')}`;
  readonly folder = mkdtempSync(join(tmpdir(), 'onstead-sample-'));
  readonly #images: Readonly<Record<string, string>>;
  readonly #extra: string[] = [];
  #release = '1.0.0';

  constructor(images: Readonly<Record<string, string>>) {
    this.#images = images;
    chmodSync(this.folder, 0o755);
    writeSecrets(join(this.folder, 'secrets'));
    writeFileSync(join(this.folder, 'compose.override.yaml'), OVERRIDE);
    this.useRelease('1.0.0');
  }

  useRelease(name: string): void {
    this.#release = name;
    writeFileSync(join(this.folder, 'compose.yaml'), releaseCompose(name, { images: this.#images }));
  }

  secret(name: string): string {
    return readFileSync(join(this.folder, 'secrets', name), 'utf8');
  }

  compose(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return docker(['compose', '-p', this.project, ...args], { cwd: this.folder, ...options });
  }

  /** One command of the app, in the image of the release in use. */
  async app(args: readonly string[], options: AppOptions = {}): Promise<RunResult> {
    const { env = {}, ...rest } = options;
    const command = ['node', '/app/src/main.ts', ...args];
    return docker(
      ['run', '--rm', ...this.#appArguments(env), findRelease(this.#release).image, ...command],
      rest,
    );
  }

  #appArguments(env: Readonly<Record<string, string>>): string[] {
    const file = parse(releaseCompose(this.#release)) as {
      services: { app: { environment: Record<string, string> } };
    };
    return [
      ...[`--network=${this.project}_default`, ...HARDENED],
      ...['-v', `${join(this.folder, 'secrets')}:/run/secrets:ro`],
      ...Object.entries({ ...file.services.app.environment, ...env }).map(
        ([key, value]) => `--env=${key}=${value}`,
      ),
    ];
  }

  async migrate(args: readonly string[], env: Record<string, string> = {}): Promise<Migrated> {
    return JSON.parse((await this.app(['migrate', ...args, '--json'], { env })).stdout) as Migrated;
  }

  /** One statement as MySQL's root; the rows come back tab-separated. */
  async sql(statement: string): Promise<string> {
    const command = `MYSQL_PWD=$(cat /run/secrets/mysql_root_password) exec mysql -uroot -N --default-character-set=utf8mb4 notes`;
    const { stdout } = await this.compose(['exec', '-T', 'mysql', 'sh', '-c', command], { stdin: statement });
    return stdout.trim();
  }

  async url(service: string, port: number): Promise<string> {
    const { stdout } = await this.compose(['port', service, String(port)]);
    return `http://${stdout.trim()}`;
  }

  /** A container of any release beside the stack's own app; returns its name and address. */
  async startRelease(name: string, env: Record<string, string> = {}): Promise<{ name: string; url: string }> {
    const container = `${this.project}-${name.replaceAll('.', '-')}-${randomBytes(2).toString('hex')}`;
    this.#extra.push(container);
    await docker([
      ...['run', '-d', '--name', container, '-p', '127.0.0.1::3000'],
      ...this.#appArguments(env),
      findRelease(name).image,
    ]);
    // The port is gone again when the app ends at once, as one release does.
    const port = await docker(['port', container, '3000'], { accept: [0, 1] });
    return { name: container, url: `http://${port.stdout.trim().split('\n')[0]}` };
  }

  async remove(): Promise<void> {
    if (this.#extra.length > 0) await docker(['rm', '-fv', ...this.#extra], { accept: [0, 1] });
    await this.compose(['down', '--volumes', '--remove-orphans', '-t', '1']);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
