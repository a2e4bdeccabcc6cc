// The sample app: base, Node's runtime, its packages, its source, and a last small layer that is the release.
// A change of the app alone is a layer of some kilobytes; all releases share the rest.

import { createRequire } from 'node:module';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../../../src/base/process.ts';
import { RELEASES } from '../../sample-app/releases.ts';
import type { SampleRelease } from '../../sample-app/releases.ts';
import type { ImagePlan } from '../archive.ts';
import { hashOf } from '../layers.ts';
import type { LayerStore } from '../layers.ts';
import { setupTree } from '../recipe.ts';
import type { RunSettings } from '../recipe.ts';
import { textFile } from '../tree.ts';
import type { Layer, Tree } from '../tree.ts';

const APP = join(import.meta.dirname, '..', '..', 'sample-app');
const ACCOUNT = { name: 'app', id: 10_002, home: '/tmp' };

export const NOTES_RUN: RunSettings = {
  // A command, not an entrypoint: `migrate` is run in the same image as a command of its own.
  command: ['node', '/app/src/main.ts', 'serve'],
  env: { NODE_ENV: 'production', NODE_OPTIONS: '--max-semi-space-size=2' },
  user: '10002:10002',
  workingFolder: '/app',
  ports: [3000],
  health: {
    command: ['/bin/sh', '-c', 'wget -q -T 4 -O /dev/null "http://127.0.0.1:${PORT:-3000}/api/health"'],
    startPeriodMs: 30_000,
  },
};

export interface NotesImage {
  readonly release: SampleRelease;
  readonly hash: string;
}

export function notesImages(builderHash: string): NotesImage[] {
  const source = hashOf(
    builderHash,
    nodePackage().version,
    lockFile(),
    ...Object.values(sourceFiles()).map(hashFile),
  );
  return RELEASES.map((release) => ({ release, hash: hashOf(source, JSON.stringify(release)) }));
}

export async function planNotes(
  images: readonly NotesImage[],
  base: Layer,
  layers: LayerStore,
  labelsOf: (image: NotesImage) => Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<ImagePlan[]> {
  const node = nodePackage();
  const runtime = await layers.findOrWrite(
    `node-${node.version}-${process.arch}`,
    `Node ${node.version}`,
    () => node.tree(),
  );
  const packages = await layers.findOrWrite(
    `packages-${hashOf(lockFile()).slice(0, 16)}`,
    'npm packages',
    () => installPackages(layers.folder, say),
  );
  const app = await layers.write('notes-app', 'Notes', appTree());
  const plans: ImagePlan[] = [];
  for (const image of images) {
    const top = await layers.write(
      `notes-${image.release.name}`,
      `Notes ${image.release.name}`,
      releaseTree(image.release),
    );
    plans.push({
      tag: image.release.image,
      layers: [base, runtime, packages, app, top],
      run: NOTES_RUN,
      labels: labelsOf(image),
    });
  }
  return plans;
}

interface NodePackage {
  readonly version: string;
  readonly tree: () => Tree;
}

/** The runtime is the one that this project itself runs on, from the npm package `node`. */
function nodePackage(): NodePackage {
  const manifest = createRequire(import.meta.url).resolve('node/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const binary = join(dirname(manifest), 'bin', 'node');
  const tree = (): Tree => new Map([['usr/local/bin/node', fileEntry(binary, 0o755)]]);
  return { version, tree };
}

function lockFile(): Buffer {
  return readFileSync(join(APP, 'package-lock.json'));
}

async function installPackages(workFolder: string, say: (line: string) => void): Promise<Tree> {
  say('installing the packages of the sample app');
  mkdirSync(workFolder, { recursive: true });
  const work = mkdtempSync(join(workFolder, 'npm-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(APP, name), join(work, name));
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts', '--omit=dev'];
    await run('npm', ['ci', ...quiet], { cwd: work, timeoutMs: 600_000 });
    return inMemory(folderTree(join(work, 'node_modules'), 'app/node_modules', isUsedAtRunTime));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The work folder goes before the layer is written, so the (small) files are taken along. */
function inMemory(tree: Tree): Tree {
  return new Map(
    [...tree].map(([path, entry]) => {
      if (entry.kind !== 'file' || 'content' in entry) return [path, entry];
      return [path, { kind: 'file', mode: entry.mode, content: readFileSync(entry.source) }];
    }),
  );
}

// Second copies of the same code for bundlers, types, and source maps.
function isUsedAtRunTime(path: string): boolean {
  return !/\/(dist-es|dist-types)\/|\.d\.[cm]?ts$|\.map$|\/\.package-lock\.json$|\/\.bin\//.test(path);
}

function appTree(): Tree {
  const tree: Tree = setupTree(ACCOUNT);
  for (const [path, source] of Object.entries(sourceFiles())) {
    if (!path.startsWith('migrations/') && !path.startsWith('faults/'))
      tree.set(`app/${path}`, fileEntry(source, 0o644));
  }
  for (const name of ['package.json', 'package-lock.json']) {
    tree.set(`app/${name}`, textFile(readFileSync(join(APP, name), 'utf8')));
  }
  return tree;
}

function releaseTree({ version, schema, fault, migrations }: SampleRelease): Tree {
  const tree: Tree = new Map([
    ['app/release.json', textFile(`${JSON.stringify({ version, schema, fault })}\n`)],
  ]);
  const files = sourceFiles();
  for (const migration of migrations) {
    for (const ending of ['.up.sql', '.down.sql']) {
      const source = files[`${migration}${ending}`];
      const name = `${migration.split('/').at(-1)}${ending}`;
      if (source !== undefined) tree.set(`app/migrations/${name}`, fileEntry(source, 0o644));
    }
  }
  return tree;
}

/** Path in the app's folder → path on disk, sorted. */
function sourceFiles(): Record<string, string> {
  const names = ['src', 'migrations', 'faults'].flatMap((folder) =>
    readdirSync(join(APP, folder)).map((name) => `${folder}/${name}`),
  );
  return Object.fromEntries(names.sort().map((name) => [name, join(APP, name)]));
}

function folderTree(folder: string, prefix: string, isKept: (path: string) => boolean): Tree {
  const tree: Tree = new Map();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const source = join(folder, name);
    const path = `${prefix}/${name}`;
    const stat = lstatSync(source);
    if (stat.isDirectory() || !isKept(path)) continue;
    if (stat.isSymbolicLink()) tree.set(path, { kind: 'link', target: readlinkSync(source) });
    else tree.set(path, fileEntry(source, 0o644));
  }
  return tree;
}

function fileEntry(
  source: string,
  mode: number,
): { kind: 'file'; mode: number; source: string; size: number } {
  return { kind: 'file', mode, source, size: lstatSync(source).size };
}

function hashFile(path: string): string {
  return hashOf(path.slice(APP.length), readFileSync(path));
}
