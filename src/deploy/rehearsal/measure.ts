// How much memory and disk the scratch stack takes at most, looked at while it works.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import { run } from '../../base/process.ts';
import type { Engine } from '../../engine/index.ts';
import type { Executor } from '../../journal/index.ts';
import { findStackParts } from '../../stack/index.ts';
import type { DeployTools } from '../tools.ts';

export interface Peak {
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

const EVERY_MS = 2_000;
const NOTHING: Peak = { memoryBytes: 0, diskBytes: 0 };

/** The same step, looked at while it works and at its end. */
export function measured<Input>(tools: DeployTools, step: Executor<Input>): Executor<Input> {
  return {
    ...step,
    async apply(input, context) {
      const over = new AbortController();
      const looking = lookAgainAndAgain(tools, AbortSignal.any([over.signal, context.signal]));
      try {
        return await step.apply(input, context);
      } finally {
        await look(tools);
        over.abort();
        await looking;
      }
    },
  };
}

export async function readPeak({ paths }: Pick<DeployTools, 'paths'>): Promise<Peak> {
  const text = await readTextIfAny(peakFile(paths.scratch));
  return text === undefined ? NOTHING : (JSON.parse(text) as Peak);
}

async function lookAgainAndAgain(tools: DeployTools, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await look(tools);
  }
}

/** A figure that is missing must not fail what is measured. */
async function look(tools: DeployTools): Promise<void> {
  try {
    const now = await usedBy(await tools.engine(), tools.paths.scratch);
    const before = await readPeak(tools);
    const peak: Peak = {
      memoryBytes: Math.max(before.memoryBytes, now.memoryBytes),
      diskBytes: Math.max(before.diskBytes, now.diskBytes),
    };
    await writeFileAtomic(peakFile(tools.paths.scratch), JSON.stringify(peak));
  } catch (error) {
    tools.log.warn({ err: error }, 'the scratch stack could not be measured');
  }
}

async function usedBy(engine: Engine, folder: string): Promise<Peak> {
  const { containers, volumes } = await findStackParts(engine, folder);
  const usages = await Promise.all(containers.map(({ id }) => engine.containers.usage(id)));
  const places = await Promise.all(volumes.map((name) => engine.volumes.inspect(name)));
  const sizes = await Promise.all(places.map((place) => (place ? takenBy(place.mountpoint) : 0)));
  return {
    memoryBytes: usages.reduce((sum, usage) => sum + (usage?.memoryBytes ?? 0), 0),
    diskBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** Blocks, not lengths: a database's log files have holes. */
async function takenBy(folder: string): Promise<number> {
  // 1: a server that works removed a file meanwhile.
  const { stdout } = await run('du', ['-s', '--block-size=1', folder], { accept: [0, 1] });
  return Number.parseInt(stdout, 10) || 0;
}

const peakFile = (folder: string): string => join(folder, 'peak.json');
