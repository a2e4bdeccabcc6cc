// A folder as a tar that is the same for the same content: sorted, one date, root's, only the x bit kept.

import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import { OnsteadError } from '../base/errors.ts';
import { Meter } from './blob-store.ts';

const MTIME = new Date(Date.UTC(2000, 0, 1));

export async function archiveFolder(folder: string, outPath: string, signal?: AbortSignal) {
  const tar = pack();
  const meter = new Meter();
  const options = signal === undefined ? {} : { signal };
  const writing = pipeline(tar, meter, createWriteStream(outPath), options);
  writing.catch(() => {}); // awaited below; the filling may fail first
  try {
    await addFolder(tar, folder, '');
    tar.finalize();
  } catch (error) {
    tar.destroy();
    await writing.catch(() => {});
    throw error;
  }
  await writing;
  return { diffId: meter.digest(), unpackedBytes: meter.sizeBytes };
}

async function addFolder(tar: Pack, root: string, path: string): Promise<void> {
  const names = (await readdir(join(root, path))).sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  for (const name of names) await addEntry(tar, root, path === '' ? name : `${path}/${name}`);
}

async function addEntry(tar: Pack, root: string, path: string): Promise<void> {
  const full = join(root, path);
  const facts = await lstat(full);
  if (facts.isDirectory()) {
    await entry(tar, { name: `${path}/`, type: 'directory', mode: 0o755 });
    return addFolder(tar, root, path);
  }
  if (facts.isSymbolicLink()) {
    const linkname = await readlink(full);
    const target = posix.join(posix.dirname(path), linkname);
    if (linkname.startsWith('/') || target.startsWith('..')) throw odd(path, 'links out of the folder');
    return entry(tar, { name: path, type: 'symlink', linkname, mode: 0o777 });
  }
  if (!facts.isFile()) throw odd(path, 'is neither a file, a folder nor a link');
  const mode = (facts.mode & 0o111) === 0 ? 0o644 : 0o755;
  const sink = tar.entry({ ...FIXED, name: path, size: facts.size, mode, type: 'file' });
  await pipeline(createReadStream(full, { highWaterMark: 256 * 1024 }), sink);
}

const FIXED = { mtime: MTIME, uid: 0, gid: 0, uname: '', gname: '' } as const;

function entry(tar: Pack, header: Partial<Header> & { name: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ ...FIXED, ...header }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function odd(path: string, what: string): OnsteadError {
  return new OnsteadError('bundle.daemon', `The folder for the bundle holds "${path}", which ${what}.`, {
    next: 'Remove it from the folder, then build again.',
  });
}
