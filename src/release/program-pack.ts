// Onstead itself as it travels in a bundle: the compiled program, the packages it runs with, its own Node runtime
// and Compose, and the installer. What is packed is the program that is running, so a bundle is never newer or older
// than the tool that built it.

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { OnsteadError } from '../base/errors.ts';
import { programFolder } from '../base/program.ts';

export interface ProgramPack {
  readonly folder: string;
  readonly installerFile: string;
  remove(): Promise<void>;
}

const PLUGIN_FOLDERS = [
  join(homedir(), '.docker/cli-plugins'),
  '/usr/local/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
];

/** Nothing that only a developer reads, and no other machine's binaries. */
const LEFT_OUT = [
  /\.(d\.[cm]?ts|map|md|markdown|tsbuildinfo)$/i,
  /\/better-sqlite3\/(deps|src|build)(\/|$)/,
  new RegExp(`/prebuilds/(?!linux-${process.arch}\\.node$)`),
];

export async function packProgram(): Promise<ProgramPack> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-pack-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await copyProgram(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, installerFile: join(programFolder, 'installer/install.sh'), remove };
}

async function copyProgram(folder: string): Promise<void> {
  for (const name of ['dist', 'installer']) await copy(join(programFolder, name), join(folder, name));
  await cp(join(programFolder, 'package.json'), join(folder, 'package.json'));
  for (const path of await runtimePackages()) {
    await copy(join(programFolder, path), join(folder, path));
  }
  await mkdir(join(folder, 'bin'));
  await cp(await realpath(process.execPath), join(folder, 'bin/node'));
  await cp(await composeBinary(), join(folder, 'bin/docker-compose'));
  await writeFile(join(folder, 'bin/onstead'), launcherText, { mode: 0o755 });
}

/**
 * The daemon idles for months beside the stack it looks after, so it is started to be small: interpreted only (what
 * is heavy in it is native code or a child of its own), few pages of young memory, one malloc arena that gives back
 * what it no longer needs, and a garbage collector that it can call when an operation is over. See
 * docs/decisions/0011. The other verbs end soon and run at full speed.
 */
export const launcherText = `#!/bin/sh
# Starts Onstead with the runtime that it came with.
here=$(dirname -- "$(readlink -f -- "$0")")
export ONSTEAD_COMPOSE="\${ONSTEAD_COMPOSE:-$here/docker-compose}"
small=
if [ "\${1:-}" = serve ]; then
  export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=65536
  small="--lite-mode --max-semi-space-size=1 --v8-pool-size=0 --expose-gc"
fi
# shellcheck disable=SC2086 # several words
exec "$here/node" $small --disable-warning=ExperimentalWarning "$here/../dist/main.js" "$@"
`;

/** Folders of the packages that run, as npm wrote them down when it installed. */
async function runtimePackages(): Promise<string[]> {
  const text = await readFile(join(programFolder, 'node_modules/.package-lock.json'), 'utf8').catch(
    (cause: unknown) => {
      throw isInstalled() ? onlyInstalled(cause) : incomplete('its packages', 'Run `npm ci`', cause);
    },
  );
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const wanted = Object.entries(packages).filter(
    ([, entry]) => entry.dev !== true && entry.devOptional !== true,
  );
  return wanted.map(([path]) => path).toSorted();
}

async function copy(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, {
      recursive: true,
      // Packages inside this one are listed and copied by themselves.
      filter: (path) => !LEFT_OUT.some((pattern) => pattern.test(path)) && !isInnerPackages(path, from),
    });
  } catch (cause) {
    throw incomplete(basename(from), 'Run `npm ci && npm run build`', cause);
  }
}

function isInnerPackages(path: string, from: string): boolean {
  return path !== from && path.slice(from.length).split('/').includes('node_modules');
}

async function composeBinary(): Promise<string> {
  const candidates = [
    process.env['ONSTEAD_COMPOSE'],
    ...PLUGIN_FOLDERS.map((one) => join(one, 'docker-compose')),
  ];
  for (const path of candidates) {
    if (path !== undefined && (await stat(path).catch(() => undefined))?.isFile() === true)
      return realpath(path);
  }
  throw new OnsteadError(
    'bundle.no-compose',
    'Compose, which travels in the bundle, is not on this machine.',
    {
      next: 'Install the Compose plugin, or set ONSTEAD_COMPOSE to its binary, or build with --without-daemon.',
    },
  );
}

/** An installed program has the runtime that it came with beside it. */
const isInstalled = (): boolean => existsSync(join(programFolder, 'bin/node'));

function onlyInstalled(cause: unknown): OnsteadError {
  return new OnsteadError(
    'bundle.program',
    `The installed program in ${programFolder} cannot put Onstead into a bundle: it carries only what runs.`,
    {
      next: "Build the bundle in a clone of Onstead's repository, as its README says, or build with --without-daemon.",
      cause,
    },
  );
}

function incomplete(what: string, next: string, cause: unknown): OnsteadError {
  return new OnsteadError(
    'bundle.program',
    `This program cannot pack itself: ${what} is missing from ${programFolder}.`,
    {
      next: `${next} in that folder, or build with --without-daemon.`,
      cause,
    },
  );
}
