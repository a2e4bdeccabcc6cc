// What Compose has said and would say again, since each question is a process: its version for a while, and the hashes
// of files that are as they were. Shared by everything that one daemon opens.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export type Hashes = Readonly<Record<string, string>>;

/** Somebody may put another Compose in its place. */
const VERSION_KEPT_MS = 60_000;

export class ComposeMemory {
  #version: { readonly said: Promise<string>; readonly untilMs: number } | undefined;
  readonly #hashes = new Map<string, { readonly of: string; readonly hashes: Hashes }>();

  /** As it was asked last, unless that failed. */
  version(ask: () => Promise<string>): Promise<string> {
    if (this.#version !== undefined && performance.now() < this.#version.untilMs) return this.#version.said;
    const said = ask();
    this.#version = { said, untilMs: performance.now() + VERSION_KEPT_MS };
    said.catch(() => {
      if (this.#version?.said === said) this.#version = undefined;
    });
    return said;
  }

  /** Of these files, and whatever else their words may come from. */
  async hashes(files: readonly string[], ask: () => Promise<Hashes>): Promise<Hashes> {
    const name = files.join('\n');
    const before = await digestOf(files);
    const known = this.#hashes.get(name);
    if (known?.of === before) return known.hashes;
    const hashes = await ask();
    // Files that were written meanwhile are not known to be those that it read.
    if ((await digestOf(files)) === before) this.#hashes.set(name, { of: before, hashes });
    return hashes;
  }
}

async function digestOf(files: readonly string[]): Promise<string> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => null)));
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}
