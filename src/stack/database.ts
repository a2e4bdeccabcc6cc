// MySQL's administration through the client inside its own container. Statements go in by stdin and the password
// stands in a file there, so neither shows in a process list.

import { OnsteadError } from '../base/errors.ts';
import type { Engine } from '../engine/index.ts';
import { mysqlAdminFile, mysqlAppFile } from './services/mysql.ts';

export interface DatabaseLogin {
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** Makes the app's database and user where they are missing and gives the user today's password. */
export async function ensureLogin(engine: Engine, container: string, login: DatabaseLogin): Promise<void> {
  const { database, user } = login;
  const password = literal(login.password);
  await runSql(engine, container, [
    `CREATE DATABASE IF NOT EXISTS \`${database}\` CHARACTER SET utf8mb4;`,
    `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY ${password};`,
    `ALTER USER '${user}'@'%' IDENTIFIED BY ${password};`,
    // In a grant an underscore stands for any character.
    `GRANT ALL PRIVILEGES ON \`${database.replaceAll('_', '\\_')}\`.* TO '${user}'@'%';`,
  ]);
}

/** A text as SQL reads it; names need none of this, the release's schema leaves them letters, digits and `_`. */
function literal(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}

/** True when the app could log in now with the password it was given. */
export async function mayLogIn(
  engine: Engine,
  container: string,
  { database, user }: Omit<DatabaseLogin, 'password'>,
): Promise<boolean> {
  const { code } = await engine.containers.exec(container, {
    cmd: [
      'mysql',
      `--defaults-extra-file=${mysqlAppFile}`,
      '--protocol=tcp',
      '-h127.0.0.1',
      '-u',
      user,
      '-e',
      'DO 1',
      database,
    ],
    timeoutMs: 20_000,
  });
  return code === 0;
}

const SQL_WITHIN_MS = 60_000;

/** One line a row, its columns divided by tabs. */
export async function runSql(
  engine: Engine,
  container: string,
  statements: readonly string[],
  patience: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const { code, stdout, stderr } = await engine.containers.exec(container, {
    // Without a locale, as in a container, the client would take its input for Latin-1.
    cmd: [
      'mysql',
      `--defaults-extra-file=${mysqlAdminFile}`,
      '--default-character-set=utf8mb4',
      '--batch',
      '--skip-column-names',
    ],
    stdin: `${statements.join('\n')}\n`,
    timeoutMs: SQL_WITHIN_MS,
    ...patience,
  });
  if (code === 0) return stdout;
  // The server's message is kept without the statement, which may carry a password.
  throw new OnsteadError(
    'database.refused',
    `MySQL refused a statement: ${stderr.split(' near ')[0]?.trim()}`,
    {
      next: 'Look at the database with `onstead logs mysql`.',
    },
  );
}
