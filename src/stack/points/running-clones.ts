// Nobody hears of a clone whose client was killed: the server goes on with it. So it is ended before its files are
// touched.

import type { Clock } from '../../base/clock.ts';
import { OnsteadError } from '../../base/errors.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';

const ENDS_WITHIN_MS = 60_000;
const BETWEEN_MS = 200;

export interface CloningServer {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly container: string;
  readonly signal?: AbortSignal;
}

/** On return no local clone is under way in this server. */
export async function endClones({ engine, clock, container, signal }: CloningServer): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + ENDS_WITHIN_MS;
  for (;;) {
    const clones = await clonesUnderWay(engine, container);
    if (clones.length === 0) return;
    if (clock.monotonicMs() > giveUpAtMs) throw stillCloning();
    // One that ended by itself meanwhile is an unknown thread: what counts is that it is gone.
    for (const id of clones) await runSql(engine, container, [`KILL ${id};`]).catch(() => {});
    await clock.sleep(BETWEEN_MS, signal);
  }
}

async function clonesUnderWay(engine: Engine, container: string): Promise<number[]> {
  const rows = await runSql(engine, container, [
    "SELECT id FROM information_schema.processlist WHERE info LIKE 'CLONE LOCAL DATA DIRECTORY%';",
  ]);
  return rows.split('\n').filter(Boolean).map(Number);
}

function stillCloning(): OnsteadError {
  return new OnsteadError(
    'database.still-cloning',
    'MySQL still makes an earlier copy and does not give it up.',
    { next: 'Wait until it has ended (`onstead logs mysql`), then try again.' },
  );
}
