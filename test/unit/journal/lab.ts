// A journal on real SQLite in a temporary folder, with a clock that the test moves.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/base/clock.ts';
import { createLogger } from '../../../src/base/log.ts';
import {
  Journal,
  openDatabase,
  Runner,
  type AnyExecutor,
  type Db,
  type FaultPoint,
  type NewOperation,
} from '../../../src/journal/index.ts';

export class HandClock implements Clock {
  #ms = Date.parse('2026-11-21T05:00:00Z');
  readonly slept: number[] = [];

  now(): Date {
    return new Date(this.#ms);
  }

  monotonicMs(): number {
    return this.#ms;
  }

  advance(ms: number): void {
    this.#ms += ms;
  }

  /** Time passes at once; only the turn of the event loop is real. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    this.#ms += ms;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
}

export interface JournalLab {
  readonly folder: string;
  readonly path: string;
  readonly db: Db;
  readonly journal: Journal;
  readonly clock: HandClock;
}

interface Ends {
  teardown(end: () => unknown): void;
}

export async function openJournal(t: Ends): Promise<JournalLab> {
  const folder = await mkdtemp(join(tmpdir(), 'onstead-journal-'));
  const path = join(folder, 'state.db');
  const db = openDatabase(path);
  const clock = new HandClock();
  t.teardown(async () => {
    db.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, path, db, journal: new Journal(db, clock), clock };
}

export function operationOf(...types: readonly string[]): NewOperation {
  return {
    kind: 'trial',
    title: 'Try it',
    input: { what: 'trial' },
    steps: types.map((type) => ({ type, title: `Do ${type}`, input: { type } })),
  };
}

export interface RunnerParts {
  readonly executors: Readonly<Record<string, AnyExecutor>>;
  readonly isWorthWaiting?: (error: unknown) => boolean;
  readonly waitLimitMs?: number;
  readonly fault?: (operation: string, step: string, point: FaultPoint) => void;
  readonly exclusively?: (operation: string, work: () => Promise<void>) => Promise<void>;
}

export function runnerOn(
  { journal, clock }: Pick<JournalLab, 'journal' | 'clock'>,
  parts: RunnerParts,
): Runner {
  return new Runner({
    journal,
    clock,
    log: createLogger('silent'),
    isWorthWaiting: parts.isWorthWaiting ?? (() => false),
    executors: parts.executors,
    ...(parts.waitLimitMs === undefined ? {} : { waitLimitMs: parts.waitLimitMs }),
    ...(parts.fault === undefined ? {} : { fault: parts.fault }),
    ...(parts.exclusively === undefined ? {} : { exclusively: parts.exclusively }),
  });
}
