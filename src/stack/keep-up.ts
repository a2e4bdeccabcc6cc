// Raises the stack whenever the engine comes back. A restart policy alone is not enough: a container that joins
// another's network (nginx) may stay down after a crash or an upgrade of the engine.

import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Engine } from '../engine/index.ts';

export interface KeepUpOptions {
  readonly engine: () => Promise<Engine>;
  readonly raise: () => Promise<void>;
  /** Told once for each new reason. */
  readonly onTrouble: (error: unknown) => void;
  /** Errors that time may heal. */
  readonly isWorthWaiting: (error: unknown) => boolean;
  readonly signal: AbortSignal;
  readonly pauseMs?: number;
  readonly slowPauseMs?: number;
}

/** Never rejects; resolves when the signal is aborted. */
export async function keepStackUp(options: KeepUpOptions): Promise<void> {
  const {
    engine,
    raise,
    onTrouble,
    isWorthWaiting,
    signal,
    pauseMs = 2_000,
    slowPauseMs = 2 * 60_000,
  } = options;
  let told = '';
  const tell = (error: unknown): void => {
    if (signal.aborted || messageOf(error) === told) return;
    told = messageOf(error);
    onTrouble(error);
  };
  // What a moment does not heal, such as a port that another program holds, may be gone in some minutes.
  const raiseAtLast = async (): Promise<void> => {
    for (;;) {
      try {
        return await raise();
      } catch (error) {
        tell(error);
        if (isWorthWaiting(error)) throw error;
        await sleep(slowPauseMs, undefined, { signal });
      }
    }
  };
  while (!signal.aborted) {
    try {
      const found = await engine();
      for await (const event of found.events({ signal, filters: { type: ['daemon'] } })) {
        if (event.kind === 'event') continue;
        await raiseAtLast();
      }
    } catch (error) {
      tell(error);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}
