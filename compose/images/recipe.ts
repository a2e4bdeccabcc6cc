// The shape of a recipe: which packages an image takes from, what it keeps of them, and how it runs.

import { readFileSync } from 'node:fs';
import { folder, link, textFile } from './tree.ts';
import type { Tree } from './tree.ts';

export interface Health {
  readonly command: readonly string[];
  readonly startPeriodMs: number;
}

export interface RunSettings {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workingFolder?: string;
  readonly ports?: readonly number[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
  readonly health: Health;
}

export interface Recipe {
  readonly name: string;
  /** The package whose version becomes the image's tag. */
  readonly versionOf: string;
  readonly packages: readonly string[];
  /** Globs over paths in the packages. Libraries follow by themselves. */
  readonly keep: readonly string[];
  /** The top layer: users, folders, the entrypoint. Small, so that a change of it travels alone. */
  readonly setup: (folder: string) => Tree;
  readonly run: RunSettings;
}

export const REPOSITORY = 'onstead-demo';

export interface Account {
  readonly name: string;
  readonly id: number;
  readonly home: string;
}

/** What every image's top layer starts with: its one account beside root, and its script. */
export function setupTree(account: Account, scripts: Readonly<Record<string, string>> = {}): Tree {
  const { name, id, home } = account;
  const tree: Tree = new Map([
    ['etc/passwd', textFile(`root:x:0:0:root:/root:/bin/sh\n${name}:x:${id}:${id}::${home}:/bin/sh\n`)],
    ['etc/group', textFile(`root:x:0:\n${name}:x:${id}:\n`)],
  ]);
  for (const [path, source] of Object.entries(scripts)) {
    tree.set(path, textFile(readFileSync(source, 'utf8'), 0o755));
  }
  return tree;
}

export function ownedFolder(account: Account, mode = 0o755): ReturnType<typeof folder> {
  return folder(mode, { uid: account.id, gid: account.id });
}

/** The folders and links of a merged-/usr system that packages leave to the installer. */
export function skeleton(): Tree {
  const tree: Tree = new Map();
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) tree.set(name, link(`usr/${name}`));
  for (const name of ['dev', 'proc', 'sys', 'run', 'usr/bin', 'usr/sbin', 'etc', 'var/log']) {
    tree.set(name, folder());
  }
  tree.set('root', folder(0o700));
  tree.set('tmp', folder(0o1777));
  tree.set('var/tmp', folder(0o1777));
  tree.set('var/run', link('/run'));
  tree.set('etc/nsswitch.conf', textFile('passwd: files\ngroup: files\nhosts: files dns\n'));
  return tree;
}
