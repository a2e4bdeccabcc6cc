// The default stack, or any other release, rendered for a machine: what the stack's tests look at.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { GIB } from '../../../src/base/units.ts';
import { parseRelease, type Release } from '../../../src/release/index.ts';
import { planSize } from '../../../src/sizing/index.ts';
import {
  renderStack,
  SecretStore,
  sizingDemandFrom,
  type Settings,
  type StackInput,
} from '../../../src/stack/index.ts';

export const releaseFile = join(import.meta.dirname, '../../../compose/compose.yaml');
export const releaseText = await readFile(releaseFile, 'utf8');

export const settings: Settings = {
  edge: { address: '0.0.0.0', httpPort: 80, httpsPort: 443, names: [], maxBodyBytes: GIB, http2: false },
  limits: {},
  upgrade: { readyWithinMs: 180_000, soakMs: 30_000, keepWarmMs: 300_000, holdMs: 60_000 },
};

/** A vendor's file: an app, nginx and whatever the test is about. */
export function releaseWith(services: string, top = ''): string {
  return `name: trial
x-onstead: { version: 1.0.0 }
services:
  app: { image: 'a/app:1', x-onstead: { role: app, port: 3000, health: /h, ready: /r } }
  nginx: { image: 'a/nginx:1', x-onstead: { role: nginx } }
${services.replace(/^(?=.)/gm, '  ')}
${top}`;
}

export function inputFor(release: Release, change: Partial<StackInput> = {}): StackInput {
  const machine = { cpus: 8, memoryBytes: 16 * GIB, diskBytes: 200 * GIB, rotational: false };
  const sized = planSize(machine, sizingDemandFrom(release));
  if (!sized.ok) throw new Error(sized.shortfalls.map(({ message }) => message).join(' '));
  return {
    project: 'trial-project',
    release,
    images: Object.fromEntries(
      release.services.map(({ name }) => [name, `onstead.test/${name}:sha256-0123456789abcdef0123`]),
    ),
    holderImage: 'onstead.test/holder:sha256-0123456789abcdef0123',
    plan: sized.plan,
    settings,
    volumes: Object.fromEntries(release.volumes.map((name) => [name, `trial-project_${name}`])),
    unsealedFolder: '/run/onstead/secrets',
    ...change,
  };
}

export function renderText(text: string, change: Partial<StackInput> = {}): ReadonlyMap<string, string> {
  return renderStack(inputFor(parseRelease(text, 'compose.yaml'), change), text);
}

export type Model = Record<string, Record<string, Record<string, unknown>>>;

/** The override as data; Compose's own tags are read as what they hold. */
export function overrideOf(files: ReadonlyMap<string, string>): Model {
  const text = files.get('compose.override.yaml')!;
  return parse(text, { customTags: [], logLevel: 'silent' }) as Model;
}

interface Ends {
  teardown(end: () => unknown): void;
}

export async function openFolder(t: Ends): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-stack-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function openStore(folder: string, clock: Clock = systemClock): Promise<SecretStore> {
  return SecretStore.open({
    folder: join(folder, 'secrets'),
    machineKeyPath: join(folder, 'etc/machine.key'),
    clock,
  });
}
