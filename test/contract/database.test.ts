// The app's login in the real MySQL: made, made again, given another password, and no statement can be slipped in.

import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseRelease } from '../../src/release/index.ts';
import { ensureLogin, kindOf, mayLogIn, runSql } from '../../src/stack/index.ts';
import { releaseText } from '../unit/stack/lab.ts';
import { demoImage, openStackLab } from './stack-lab.ts';

const lab = await openStackLab();
t.teardown(() => lab.close());
const mysql = parseRelease(releaseText, 'compose.yaml').services.find(({ role }) => role === 'mysql')!;
const rootPassword = `it's "root" \\ # ${randomBytes(8).toString('hex')}`;
const secrets = join(lab.folder, 'secrets');
await mkdir(secrets);
await chmod(lab.folder, 0o755);

/** The files that the service reads, written for this password of the app. */
async function openSecrets(password: string): Promise<void> {
  const read = (name: string): string => (name === 'mysql_root_password' ? rootPassword : password);
  const files = { mysql_root_password: rootPassword, ...kindOf(mysql)!.secretFiles!(read) };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(secrets, name), text, { mode: 0o400 });
    await chown(join(secrets, name), 999, 999);
  }
}
await openSecrets('first');
const container = await lab.start(
  [
    '--volume',
    `${secrets}:/run/secrets:ro`,
    '--env',
    'MYSQL_ROOT_PASSWORD_FILE=/run/secrets/mysql_root_password',
    '--tmpfs',
    '/var/run/mysqld:uid=999,gid=999,mode=755',
    '--network',
    'none',
    '--memory',
    '1g',
    '--health-cmd',
    'mysqladmin --defaults-extra-file=/run/secrets/admin.cnf --protocol=tcp -h127.0.0.1 ping',
    '--health-interval',
    '1s',
    '--health-start-period',
    '120s',
  ],
  await demoImage('mysql'),
  ['mysqld', '--mysqlx=OFF', '--performance-schema=OFF', '--innodb-buffer-pool-size=64M'],
);
await lab.engine.containers.waitHealthy([container], { timeoutMs: 120_000 });
const sql = (...statements: string[]): Promise<string> => runSql(lab.engine, container, statements);

t.test('a login is made, and made again without harm', async (t) => {
  const login = { database: 'notes', user: 'notes', password: 'first' };
  t.equal(await mayLogIn(lab.engine, container, login), false);
  await ensureLogin(lab.engine, container, login);
  t.equal(await mayLogIn(lab.engine, container, login), true);
  await sql('create table notes.kept (id int primary key);', 'insert into notes.kept values (7);');
  await ensureLogin(lab.engine, container, login);
  t.equal(await mayLogIn(lab.engine, container, login), true);
  t.equal((await sql('select id from notes.kept;')).trim(), '7');
});

t.test('another password replaces the old one', async (t) => {
  const login = { database: 'notes', user: 'notes', password: 'second' };
  await ensureLogin(lab.engine, container, login);
  t.equal(await mayLogIn(lab.engine, container, login), false, 'the old one is out');
  await openSecrets('second');
  t.equal(await mayLogIn(lab.engine, container, login), true);
});

t.test('a login reaches its own database and no other', async (t) => {
  await sql('create database my_db;', 'create database myXdb;');
  await ensureLogin(lab.engine, container, { database: 'my_db', user: 'narrow', password: 'second' });
  t.equal(await mayLogIn(lab.engine, container, { database: 'my_db', user: 'narrow' }), true);
  t.equal(
    await mayLogIn(lab.engine, container, { database: 'myXdb', user: 'narrow' }),
    false,
    'an underscore is no wildcard',
  );
  t.equal(await mayLogIn(lab.engine, container, { database: 'notes', user: 'narrow' }), false);
});

for (const password of [
  `it's`,
  `say "hi"`,
  'back\\slash',
  `'; drop database notes; -- `,
  'new\\nline',
  'hash # and ; semicolon',
  '%&$`!',
  'ümlaut €',
  `end\\`,
]) {
  t.test(`the password ${JSON.stringify(password)} is a password and nothing else`, async (t) => {
    const login = { database: 'notes', user: 'quoted', password };
    await ensureLogin(lab.engine, container, login);
    await openSecrets(password);
    t.equal(await mayLogIn(lab.engine, container, login), true);
    t.equal((await sql('select id from notes.kept;')).trim(), '7');
  });
}

t.test("a refused statement is told in the server's words, without the statement", async (t) => {
  const error = (await t.rejects(sql(`create user 'x'@'%' identifid by 'hunter-two';`), {
    code: 'database.refused',
    next: /onstead logs mysql/,
  })) as unknown as Error;
  t.match(error.message, /ERROR 1064/);
  t.notMatch(JSON.stringify(error) + error.message, /hunter/);
});

t.test('no password shows in the process list of the container', async (t) => {
  const { stdout } = await lab.engine.containers.exec(container, {
    cmd: ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'],
  });
  t.match(stdout, /mysqld/);
  for (const word of ['root"', 'first', 'second']) t.notOk(stdout.includes(word));
});
