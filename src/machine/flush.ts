// How long the disk takes to keep a promise: 4 kB appended and flushed, again and again.
// The file is unlinked as soon as it is open, so that not even `kill -9` leaves it behind.

import { open, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FlushFacts } from './facts.ts';

const BLOCK = Buffer.alloc(4096, 0x6f);
const MOST_SAMPLES = 64;

export async function measureFlush(folder: string, budgetMs: number): Promise<FlushFacts> {
  const path = join(folder, `.onstead-flush-${randomBytes(6).toString('hex')}`);
  const file = await open(path, 'wx', 0o600);
  try {
    await unlink(path);
    const started = performance.now();
    const took: number[] = [];
    while (took.length < MOST_SAMPLES && performance.now() - started < budgetMs) {
      const before = performance.now();
      await file.write(BLOCK);
      await file.datasync();
      took.push(performance.now() - before);
    }
    return summaryOf(took);
  } finally {
    await file.close();
  }
}

export function summaryOf(tookMs: readonly number[]): FlushFacts {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return Math.round(value * 1000) / 1000;
  };
  return { samples: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) };
}
