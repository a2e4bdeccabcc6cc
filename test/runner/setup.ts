// What the rings need beside the source: an engine, packages, demo images. Each change is said before it is made.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from './children.ts';

export type Readiness =
  | { readonly state: 'ready' }
  /** No engine can run on this machine: a fact about it, not a failure of ours. */
  | { readonly state: 'no-engine'; readonly why: string }
  | { readonly state: 'failed'; readonly why: string };

export interface SetupContext {
  readonly root: string;
  readonly children: Children;
  readonly say: (line: string) => void;
}

const NO_ENGINE = 3;

/** Programs that tests of the engine rings call, and the Debian package each is in. */
const PROGRAMS: Readonly<Record<string, string>> = {
  minisign: 'minisign',
  skopeo: 'skopeo',
  shellcheck: 'shellcheck',
  faketime: 'faketime',
  systemctl: 'systemd',
};

/**
 * tap comes with its TypeScript plugin built in, which this project switches off. tap notices in its first run and
 * builds itself anew, but that run still fails; so it is built before. Undefined, or why it could not be.
 */
export async function readyForTap(context: SetupContext): Promise<string | undefined> {
  const built = join(context.root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js');
  if (existsSync(built) && !readFileSync(built, 'utf8').includes('@tapjs/typescript')) return undefined;
  context.say('building tap with the plugins of this project (tap build)');
  return step(context, join(context.root, 'node_modules/.bin/tap'), ['build']);
}

export async function readyForEngineRings(context: SetupContext): Promise<Readiness> {
  const engine = await ensureEngine(context);
  if (engine.state !== 'ready') return engine;
  for (const step of [installPrograms, installSampleApp, buildImages]) {
    const why = await step(context);
    if (why !== undefined) return { state: 'failed', why };
  }
  return { state: 'ready' };
}

async function ensureEngine({ root, children, say }: SetupContext): Promise<Readiness> {
  let last = '';
  const end = await children.run('sh', [join(root, 'installer/engine.sh'), 'ensure'], {
    cwd: root,
    onStderr: (line) => {
      if (line.startsWith('engine: ')) last = line.slice('engine: '.length);
      say(line);
    },
  });
  if (end.code === 0) return { state: 'ready' };
  return end.code === NO_ENGINE ? { state: 'no-engine', why: last } : { state: 'failed', why: last };
}

async function installPrograms(context: SetupContext): Promise<string | undefined> {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !isOnPath(program));
  if (missing.length === 0) return undefined;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0)
    return `the tests need ${packages.join(', ')}; install them as root with apt-get.`;
  context.say(`installing packages that tests need: ${packages.join(' ')} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await step(context, 'apt-get', ['update', '-qq'], env);
  return step(context, 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], env);
}

async function installSampleApp(context: SetupContext): Promise<string | undefined> {
  const folder = join(context.root, 'compose/sample-app');
  if (!existsSync(join(folder, 'package-lock.json')) || existsSync(join(folder, 'node_modules')))
    return undefined;
  context.say('installing the dependencies of the sample app (npm ci)');
  return step(context, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder]);
}

async function buildImages(context: SetupContext): Promise<string | undefined> {
  const script = join(context.root, 'compose/images/build.ts');
  if (!existsSync(script)) return undefined;
  context.say('making the demo images (node_modules/.bin/node compose/images/build.ts)');
  return step(context, process.execPath, [script, '--json']);
}

/** Undefined when the command succeeded, otherwise why it did not. */
async function step(
  context: SetupContext,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  let last = '';
  const end = await context.children.run(command, args, {
    cwd: context.root,
    env,
    onStderr: (line) => {
      if (line.trim() !== '') last = line.trim();
      context.say(`  ${line}`);
    },
  });
  return end.code === 0
    ? undefined
    : `${command} ${args[0]} ended with ${end.signal ?? `code ${end.code}`}: ${last}`;
}

export function isOnPath(program: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':');
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}
