// A copy is good when MySQL starts on it. It is started once, in a container of its own without a network, works the
// copied redo in, says which transactions it holds, and ends. The server that was copied cannot say that: a local
// clone leaves the position in `performance_schema.clone_status` empty.

import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import type { Engine } from '../../engine/index.ts';
import { runSql } from '../database.ts';
import type { CopyName, CopyPlace } from './place.ts';
import { userIdsOf } from '../user-ids.ts';

export interface ServerFacts {
  readonly version: string;
  readonly uuid: string;
  readonly binlog: string;
  /** What a data folder cannot be opened without. */
  readonly flags: readonly string[];
}

const MOUNT = '/point';
const MEMORY_BYTES = 768 * MIB;
const STARTS_WITHIN_MS = 60 * 60_000;

export async function readServer(engine: Engine, container: string): Promise<ServerFacts> {
  const rows = await runSql(engine, container, [
    `SELECT @@version, @@server_uuid, @@innodb_page_size, @@lower_case_table_names,
       @@innodb_data_file_path, @@lc_messages_dir;`,
    'SHOW BINARY LOG STATUS;',
  ]);
  const [first = '', status = ''] = rows.split('\n');
  const [version = '', uuid = '', pageSize, lowerCase, dataFiles, messages] = first.split('\t');
  return {
    version,
    uuid,
    binlog: status.split('\t')[0] ?? '',
    flags: [
      `--innodb-page-size=${pageSize}`,
      `--lower-case-table-names=${lowerCase}`,
      `--innodb-data-file-path=${dataFiles}`,
      `--lc-messages-dir=${messages}`,
    ],
  };
}

/** The container's name; one that a kill left behind is found by it. */
export function proverOf({ project, point, service }: CopyName): string {
  return `${project}-${service}-${point}-copy`;
}

/** The transactions that the copy holds. */
export async function proveCopy(
  { engine, signal, ...name }: CopyName & { readonly engine: Engine; readonly signal?: AbortSignal },
  place: CopyPlace,
  { image, user, server }: { image: string; user: string; server: ServerFacts },
): Promise<string> {
  const notes = join(place.folder, 'proof');
  await rm(notes, { recursive: true, force: true });
  await mkdir(notes);
  const ids = userIdsOf(user)!;
  await chown(notes, ids.uid, ids.gid);
  await writeFile(
    join(notes, 'ask.sql'),
    `SELECT @@global.gtid_executed INTO DUMPFILE '${MOUNT}/proof/gtids';\nSHUTDOWN;\n`,
  );
  const { code, output } = await engine.containers.runOnce({
    image,
    id: proverOf(name),
    entrypoint: ['mysqld'],
    cmd: [...flagsOf(), ...server.flags],
    user,
    mounts: [{ source: place.folder, target: MOUNT }],
    tmpfs: { '/tmp': '' },
    memoryBytes: MEMORY_BYTES,
    timeoutMs: STARTS_WITHIN_MS,
    signal,
  });
  const gtids = await readFile(join(notes, 'gtids'), 'utf8').catch(() => undefined);
  if (code !== 0 || gtids === undefined) throw doesNotStart(name, output);
  await rm(notes, { recursive: true });
  // A server that starts on the copy later is another one, with an identity of its own.
  await rm(join(place.data, 'auto.cnf'), { force: true });
  return gtids.replaceAll(/\s/g, '');
}

function flagsOf(): string[] {
  return [
    '--no-defaults',
    `--datadir=${MOUNT}/data`,
    `--secure-file-priv=${MOUNT}/proof`,
    `--init-file=${MOUNT}/proof/ask.sql`,
    '--socket=/tmp/mysqld.sock',
    '--pid-file=/tmp/mysqld.pid',
    '--skip-networking',
    '--skip-grant-tables',
    '--skip-log-bin',
    '--gtid-mode=ON',
    '--enforce-gtid-consistency=ON',
    '--event-scheduler=OFF',
    '--mysqlx=OFF',
    '--performance-schema=OFF',
    '--auto-generate-certs=OFF',
    '--innodb-buffer-pool-size=134217728',
    '--innodb-buffer-pool-dump-at-shutdown=OFF',
  ];
}

function doesNotStart({ service }: CopyName, output: string): OnsteadError {
  const said = output.trim().split('\n').slice(-12);
  return new OnsteadError('points.not-good', `MySQL does not start on the copy of "${service}".`, {
    next: "Read the server's last lines below; look at the disk, then try again.",
    details: said.map((message) => ({ message })),
  });
}
