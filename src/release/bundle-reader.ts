// Reads ranges of a bundle's file. It holds the file open, so that a bundle deleted or renamed in between stays whole.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { isOnsteadError, messageOf, OnsteadError, systemCode } from '../base/errors.ts';
import { formatBytes } from '../base/units.ts';

export interface Range {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** For hashing, into buffers that are used again. */
const CHUNK = 1024 * 1024;
/** For chunks that leave this file: what waits in streams is several of these. */
const SMALL_CHUNK = 256 * 1024;

export class BundleReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, sizeBytes: number) {
    this.path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  static async open(path: string): Promise<BundleReader> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const facts = await file.stat();
      if (!facts.isFile()) throw unreadable(path, 'it is not a file');
      return new BundleReader(path, file, facts.size);
    } catch (error) {
      await file?.close();
      throw asUnreadable(path, error);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async read({ offset, sizeBytes }: Range): Promise<Buffer> {
    if (offset + sizeBytes > this.sizeBytes) throw truncated(this.sizeBytes);
    const bytes = Buffer.allocUnsafe(sizeBytes);
    await this.#fill(bytes, offset);
    return bytes;
  }

  /** Hex sha256 of a range. The next chunk is read while this one is hashed. */
  async hash(range: Range, onBytes: (count: number) => void, signal?: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const chunk = Math.min(CHUNK, range.sizeBytes);
    const buffers = [
      Buffer.allocUnsafe(chunk),
      Buffer.allocUnsafe(range.sizeBytes > CHUNK ? CHUNK : 0),
    ] as const;
    const end = range.offset + range.sizeBytes;
    const start = (at: number, which: number): Promise<Buffer> => {
      const bytes = buffers[which % 2]!.subarray(0, Math.min(CHUNK, end - at));
      const filling = this.#fill(bytes, at).then(() => bytes);
      filling.catch(() => {}); // awaited one turn later
      return filling;
    };
    let next = start(range.offset, 0);
    for (let at = range.offset, turn = 1; at < end; turn += 1) {
      signal?.throwIfAborted();
      const bytes = await next;
      at += bytes.length;
      if (at < end) next = start(at, turn);
      hash.update(bytes);
      onBytes(bytes.length);
    }
    return hash.digest('hex');
  }

  /** The bytes of a range, each chunk in memory of its own. */
  async *chunks({ offset, sizeBytes }: Range): AsyncGenerator<Buffer> {
    const end = offset + sizeBytes;
    for (let at = offset; at < end; at += SMALL_CHUNK) {
      const bytes = Buffer.allocUnsafe(Math.min(SMALL_CHUNK, end - at));
      await this.#fill(bytes, at);
      yield bytes;
    }
  }

  async #fill(bytes: Buffer, offset: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.#file
        .read(bytes, done, bytes.length - done, offset + done)
        .catch((error: unknown) => {
          throw asUnreadable(this.path, error);
        });
      if (bytesRead === 0) throw truncated(offset + done);
      done += bytesRead;
    }
  }
}

export function truncated(hasBytes: number, neededBytes?: number): OnsteadError {
  const needed = neededBytes === undefined ? '' : ` of ${formatBytes(neededBytes)}`;
  return new OnsteadError(
    'bundle.truncated',
    `The bundle is cut off: it ends after ${formatBytes(hasBytes)}${needed}.`,
    {
      next: 'Fetch or copy the bundle again; the transfer did not finish.',
    },
  );
}

export function damaged(what: string): OnsteadError {
  return new OnsteadError('bundle.damaged', `The bundle is damaged: ${what}.`, {
    next: 'Fetch the bundle again from where it came; if that does not help, ask the vendor.',
  });
}

function unreadable(path: string, why: string, cause?: unknown): OnsteadError {
  return new OnsteadError('bundle.unreadable', `The bundle ${path} cannot be read: ${why}.`, {
    next: 'Check the path, the permissions and the disk, then try again.',
    cause,
  });
}

const WHY: Partial<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission is denied',
  EISDIR: 'it is a folder',
  EIO: 'the disk reports an error',
};

export function asUnreadable(path: string, error: unknown): OnsteadError {
  if (isOnsteadError(error)) return error;
  return unreadable(path, WHY[systemCode(error) ?? ''] ?? messageOf(error), error);
}
