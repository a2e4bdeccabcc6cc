// A file tree held as a table, and its layer: names sorted, times fixed, owners as the recipe says.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { PassThrough, Transform } from 'node:stream';
import tar from 'tar-stream';

interface Owned {
  readonly uid?: number;
  readonly gid?: number;
}

export type Entry =
  | (Owned & { readonly kind: 'folder'; readonly mode: number })
  | (Owned & { readonly kind: 'link'; readonly target: string })
  | (Owned & { readonly kind: 'file'; readonly mode: number; readonly content: Buffer })
  | (Owned & {
      readonly kind: 'file';
      readonly mode: number;
      readonly source: string;
      readonly size: number;
    });

/** Path (no leading slash) → entry. */
export type Tree = Map<string, Entry>;

export interface Layer {
  /** sha256 of the uncompressed tar: what an image's configuration calls a diff id. */
  readonly diffId: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly title: string;
}

export function textFile(text: string, mode = 0o644, owner: Owned = {}): Entry {
  return { kind: 'file', mode, content: Buffer.from(text), ...owner };
}

export function folder(mode = 0o755, owner: Owned = {}): Entry {
  return { kind: 'folder', mode, ...owner };
}

export function link(target: string): Entry {
  return { kind: 'link', target };
}

/** The parents an entry needs and the tree does not name. */
export function withParents(tree: Tree): Tree {
  const whole: Tree = new Map(tree);
  for (const path of tree.keys()) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/');
      if (!whole.has(parent)) whole.set(parent, folder());
    }
  }
  return whole;
}

/** Writes the tree as one tar. The same tree gives the same bytes on every machine. */
export async function writeLayer(tree: Tree, title: string, path: string): Promise<Layer> {
  const pack = tar.pack();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  const draft = `${path}.${process.pid}.tmp`;
  const written = pipeline(
    pack,
    new PassThrough({ highWaterMark: 1 << 20 }),
    meter,
    createWriteStream(draft),
  );
  const whole = withParents(tree);
  const filled = fill(pack, whole);
  await Promise.all([filled, written]);
  await rename(draft, path);
  return { diffId: `sha256:${hash.digest('hex')}`, path, sizeBytes, title };
}

async function fill(pack: tar.Pack, tree: Tree): Promise<void> {
  const byName = [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, entry] of byName) await add(pack, path, entry);
  pack.finalize();
}

async function add(pack: tar.Pack, path: string, entry: Entry): Promise<void> {
  const common = { uid: entry.uid ?? 0, gid: entry.gid ?? 0, mtime: new Date(0) };
  if (entry.kind === 'folder') {
    pack.entry({ ...common, name: `${path}/`, type: 'directory', mode: entry.mode });
  } else if (entry.kind === 'link') {
    pack.entry({ ...common, name: path, type: 'symlink', linkname: entry.target, mode: 0o777 });
  } else if ('content' in entry) {
    pack.entry({ ...common, name: path, mode: entry.mode, size: entry.content.length }, entry.content);
  } else {
    const sink = pack.entry({ ...common, name: path, mode: entry.mode, size: entry.size });
    await pipeline(createReadStream(entry.source, { highWaterMark: 1 << 20 }), sink);
  }
}
