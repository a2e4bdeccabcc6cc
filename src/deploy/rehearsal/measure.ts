// How much memory and disk the scratch stack takes at most, looked at while it works. It works on the disk of the
// running stack: where that gets short, the rehearsal ends first.

import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnsteadError } from '../../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import { run } from '../../base/process.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import type { Engine } from '../../engine/index.ts';
import type { Executor } from '../../journal/index.ts';
import { findStackParts, scratchPlaceOf } from '../../stack/index.ts';
import type { DeployTools } from '../tools.ts';

export interface Peak {
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

const EVERY_MS = 2_000;
/** Of this much the running stack is never robbed. */
export const LEFT_FREE_BYTES = 1024 * MIB;
const NOTHING: Peak = { memoryBytes: 0, diskBytes: 0 };

/** The same step, looked at while it works and at its end. */
export function measured<Input>(tools: DeployTools, step: Executor<Input>): Executor<Input> {
  return {
    ...step,
    async apply(input, context) {
      const over = new AbortController();
      const short = new AbortController();
      const signal = AbortSignal.any([context.signal, short.signal]);
      const looking = lookAgainAndAgain(tools, AbortSignal.any([over.signal, signal]), short);
      try {
        return await step.apply(input, { ...context, signal });
      } catch (error) {
        throw short.signal.aborted ? short.signal.reason : error;
      } finally {
        await look(tools, short);
        over.abort();
        await looking;
      }
    },
  };
}

export async function readPeak(tools: Pick<DeployTools, 'paths'>): Promise<Peak> {
  const text = await readTextIfAny(peakFile(folderOf(tools)));
  return text === undefined ? NOTHING : (JSON.parse(text) as Peak);
}

async function lookAgainAndAgain(
  tools: DeployTools,
  signal: AbortSignal,
  short: AbortController,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await look(tools, short);
  }
}

/** A figure that is missing must not fail what is measured. */
async function look(tools: DeployTools, short: AbortController): Promise<void> {
  try {
    const now = await usedBy(await tools.engine(), folderOf(tools));
    const trouble = tooShort(now.freeBytes);
    if (trouble !== undefined) short.abort(trouble);
    const before = await readPeak(tools);
    const peak: Peak = {
      memoryBytes: Math.max(before.memoryBytes, now.memoryBytes),
      diskBytes: Math.max(before.diskBytes, now.diskBytes),
    };
    await writeFileAtomic(peakFile(folderOf(tools)), JSON.stringify(peak));
  } catch (error) {
    tools.log.warn({ err: error }, 'the scratch stack could not be measured');
  }
}

/** Undefined while there is enough. */
export function tooShort(freeBytes: number): OnsteadError | undefined {
  if (freeBytes >= LEFT_FREE_BYTES) return undefined;
  return new OnsteadError(
    'rehearsal.disk-short',
    `The rehearsal was ended so that the running stack keeps its disk: ${formatBytes(freeBytes)} are left free there.`,
    { next: 'Free some space on that disk, then rehearse again.' },
  );
}

async function usedBy(engine: Engine, folder: string): Promise<Peak & { readonly freeBytes: number }> {
  const { containers, volumes } = await findStackParts(engine, folder);
  const usages = await Promise.all(containers.map(({ id }) => engine.containers.usage(id)));
  const places = await Promise.all(volumes.map((name) => engine.volumes.inspect(name)));
  const sizes = await Promise.all(places.map((place) => (place ? takenBy(place.mountpoint) : 0)));
  const free = await Promise.all(places.map((place) => (place ? freeAt(place.mountpoint) : Infinity)));
  return {
    freeBytes: Math.min(Infinity, ...free),
    memoryBytes: usages.reduce((sum, usage) => sum + (usage?.memoryBytes ?? 0), 0),
    diskBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

async function freeAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Blocks, not lengths: a database's log files have holes. */
async function takenBy(folder: string): Promise<number> {
  // 1: a server that works removed a file meanwhile.
  const { stdout } = await run('du', ['-s', '--block-size=1', folder], { accept: [0, 1] });
  return Number.parseInt(stdout, 10) || 0;
}

function folderOf({ paths }: Pick<DeployTools, 'paths'>): string {
  return scratchPlaceOf(paths, 'rehearsal').stack;
}

const peakFile = (folder: string): string => join(folder, 'peak.json');
