// Whether anything in a container could answer at all, read from the kernel: asking a server that is still starting costs
// the very time that it needs.

import { readFile } from 'node:fs/promises';

const LISTENS = '0A';
/** The engine's own resolver stands in the network of every container, at 127.0.0.11. */
const RESOLVER = '0B00007F:';
/** Of a unix socket that takes connections. */
const TAKES_CONNECTIONS = '00010000';

/** True also where that cannot be seen. */
export async function mayAnswer(pid: number): Promise<boolean> {
  if (pid === 0) return false;
  try {
    const read = (name: string): Promise<string> => readFile(`/proc/${pid}/net/${name}`, 'utf8');
    return hasListener(await Promise.all([read('tcp'), read('tcp6')]), await read('unix'));
  } catch {
    return true;
  }
}

/** Pure. */
export function hasListener(tcpTables: readonly string[], unixTable: string): boolean {
  const rows = (table: string): string[][] =>
    table
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  const byTcp = tcpTables
    .flatMap(rows)
    .some(([, local = '', , state]) => state === LISTENS && !local.startsWith(RESOLVER));
  return byTcp || rows(unixTable).some(([, , , flags]) => flags === TAKES_CONNECTIONS);
}
