// Layers on disk, kept by key, so that images which change often find the layers below them ready.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLayer } from './tree.ts';
import type { Layer, Tree } from './tree.ts';

export function hashOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  // The length goes first, so that two lists of parts never run together into one text.
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

export class LayerStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async find(key: string): Promise<Layer | undefined> {
    const note = join(this.folder, `${key}.json`);
    const path = join(this.folder, `${key}.tar`);
    if (!existsSync(note) || !existsSync(path)) return undefined;
    return { ...(JSON.parse(await readFile(note, 'utf8')) as Layer), path };
  }

  async write(key: string, title: string, tree: Tree): Promise<Layer> {
    await mkdir(this.folder, { recursive: true });
    const layer = await writeLayer(tree, title, join(this.folder, `${key}.tar`));
    await writeFile(join(this.folder, `${key}.json`), JSON.stringify(layer));
    return layer;
  }

  async findOrWrite(key: string, title: string, makeTree: () => Promise<Tree> | Tree): Promise<Layer> {
    return (await this.find(key)) ?? (await this.write(key, title, await makeTree()));
  }
}
