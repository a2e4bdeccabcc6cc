// Chooses from the unpacked packages what an image keeps: the named files and every library they need.

import { dirname, matchesGlob } from 'node:path';
import { OnsteadError } from '../../src/base/errors.ts';
import { followLinks } from './debian.ts';
import type { Package, PackagedFiles } from './debian.ts';
import { readElfNeeds } from './elf.ts';
import { textFile } from './tree.ts';
import type { Tree } from './tree.ts';

const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};

export function libraryFolder(): string {
  const triplet = TRIPLETS[process.arch];
  if (triplet !== undefined) return `usr/lib/${triplet}`;
  throw new OnsteadError('images.architecture', `Demo images cannot be built on ${process.arch}.`, {
    next: 'Build them on an amd64 or arm64 machine.',
  });
}

/** What a layer needs of the packages, without what the layers below already hold. */
export function keepFiles(files: PackagedFiles, keep: readonly string[], below: Tree): Tree {
  const paths = new Set<string>();
  const queue = [...files.keys()].filter((path) => keep.some((glob) => matchesGlob(path, glob)));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const step of followLinks(files, path)) {
      if (paths.has(step) || below.has(step)) continue;
      paths.add(step);
      queue.push(...librariesOf(files, step));
    }
  }
  return treeOf(files, paths);
}

function librariesOf(files: PackagedFiles, path: string): string[] {
  const file = files.get(path)!;
  if (file.link !== undefined || file.size < 64) return [];
  const needs = readElfNeeds(file.source);
  if (needs === undefined) return [];
  const own = needs.runPath.map((folder) =>
    folder.replace(/^\$\{?ORIGIN\}?/, dirname(path)).replace(/^\//, ''),
  );
  const folders = [...own, libraryFolder(), 'usr/lib', 'usr/lib64'];
  return needs.libraries.map((library) => {
    const found = folders.map((folder) => `${folder}/${library}`).find((at) => files.has(at));
    if (found !== undefined) return found;
    throw new OnsteadError('images.library', `${path} needs ${library}, which no chosen package has.`, {
      next: 'Add the package that brings it to the recipe.',
    });
  });
}

function treeOf(files: PackagedFiles, paths: ReadonlySet<string>): Tree {
  const tree: Tree = new Map();
  const packages = new Set<Package>();
  for (const path of paths) {
    const file = files.get(path)!;
    packages.add(file.package);
    if (file.link !== undefined) tree.set(path, { kind: 'link', target: file.link });
    else tree.set(path, { kind: 'file', mode: file.mode, source: file.source, size: file.size });
  }
  for (const item of packages) {
    tree.set(`var/lib/dpkg/status.d/${item.name}`, textFile(item.control));
    const licence = files.get(`usr/share/doc/${item.name}/copyright`);
    if (licence === undefined || licence.link !== undefined) continue;
    const { source, size } = licence;
    tree.set(`usr/share/doc/${item.name}/copyright`, { kind: 'file', mode: 0o644, source, size });
  }
  return tree;
}

export function packagesOf(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => path.startsWith('var/lib/dpkg/status.d/')).sort();
}
