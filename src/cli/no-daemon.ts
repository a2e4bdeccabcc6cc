// Why no daemon answers, where that can be seen from here: a mistake in the settings keeps it from starting.

import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { howToStart } from '../base/own-service.ts';
import type { Paths } from '../base/paths.ts';

/** The error itself, or with it the mistake, its place, and what to do. */
export async function withSettingsMistake(error: unknown, paths: Paths): Promise<unknown> {
  if (!isOnsteadError(error, 'daemon.unreachable')) return error;
  const { readSettings } = await import('../stack/index.ts');
  try {
    await readSettings(paths.settings);
    return error;
  } catch (mistake) {
    if (!isOnsteadError(mistake, 'settings.invalid')) return error;
    return new OnsteadError('daemon.unreachable', `${error.message} ${mistake.message}`, {
      next: `${mistake.next} Then start it with \`${howToStart(paths)}\`.`,
      details: mistake.details,
      cause: error,
    });
  }
}
