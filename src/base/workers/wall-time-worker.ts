// A time as people write it, on the clock of this machine.

import { parseWallTime } from '../wall-time.ts';
import { answerOnce } from '../worker.ts';

await answerOnce(async ({ text, nowMs }: { readonly text: string; readonly nowMs: number }) => {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { at, ...rest } = parseWallTime(text, new Date(nowMs), zone);
  return { at: at.toISOString(), ...rest };
});
