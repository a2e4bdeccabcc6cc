// The connections of a MySQL that is about to end. A server that has any when it is told to end sleeps for two seconds
// after it has closed them, and requests would wait for that.

import type { Engine } from '../../engine/index.ts';
import { mysqlAdminFile } from '../services/mysql.ts';

const DROPPED_WITHIN_MS = 10_000;

/** Those that ask nothing now. What cannot be done here the server does itself, and slower: nothing is thrown. */
export async function dropIdleConnections(engine: Engine, container: string): Promise<void> {
  const client = `mysql --defaults-extra-file=${mysqlAdminFile} --batch --skip-column-names`;
  const idle =
    'while read -r id user host db command rest; do [ "$command" = Sleep ] && echo "KILL $id;"; done';
  // By force: one that has gone by itself is no reason to keep the others.
  const program = `${client} -e 'SHOW PROCESSLIST' | ${idle} | ${client} --force`;
  const cmd = ['sh', '-c', program];
  await engine.containers.exec(container, { cmd, timeoutMs: DROPPED_WITHIN_MS }).catch(() => {});
}
