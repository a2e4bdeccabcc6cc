// A runner taken through steps whose effects are files, with some of them changed as a test wants it.

import { OnsteadError } from '../../../src/base/errors.ts';
import type { AnyExecutor, Executor } from '../../../src/journal/index.ts';
import { effectIn, effectsIn, type EffectInput } from './fixtures/effects.ts';
import { operationOf, runnerOn, type JournalLab, type RunnerParts } from './lab.ts';

export const broken = new OnsteadError('test.broken', 'It broke.', { next: 'Mend it.' });
export const passing = new OnsteadError('engine.away', 'The engine is away.', { next: 'Start it.' });
export const waits = (error: unknown): boolean => error === passing;
export function fails(error: unknown = broken): () => Promise<never> {
  return async () => {
    throw error;
  };
}

export async function runTo(lab: JournalLab, types: readonly string[], parts: RunnerParts) {
  const runner = runnerOn(lab, parts);
  const { id } = lab.journal.create(operationOf(...types));
  runner.start(id);
  await runner.finished(id);
  return {
    id,
    runner,
    operation: () => lab.journal.get(id),
    steps: () => lab.journal.steps(id).map(({ state }) => state),
  };
}

export function table(
  lab: JournalLab,
  change: Record<string, Partial<Executor<EffectInput>>>,
): Record<string, AnyExecutor> {
  return {
    ...effectsIn(lab.folder, ['one', 'two', 'three', 'four']),
    ...Object.fromEntries(
      Object.entries(change).map(([type, over]) => [type, effectIn(lab.folder, type, over)]),
    ),
  };
}
