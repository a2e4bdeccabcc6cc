// What the crash tests of upgrades share: an upgrade that is written down and not begun, and how it must have ended.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { TestAppliance } from '../appliance.ts';
import type { KeptFile } from '../busy-users.ts';
import { storedOperation } from '../stored-operation.ts';
import type { Step } from './killing.ts';

/** Writes the upgrade down; the daemon dies before it does anything. */
export function begun(appliance: TestAppliance, path: string): Promise<Step[]> {
  return begunBy(appliance, ['upgrade', path, '--irreversible']);
}

export async function begunBy(appliance: TestAppliance, command: readonly string[]): Promise<Step[]> {
  await appliance.stop(); // where a test before this one failed
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  const { code, stdout, stderr } = await appliance.onstead([...command, '--yes', '--detach']);
  // A daemon that dies before it answers is what is wanted; one that refuses would be waited for without end.
  if (code !== 0) await Promise.race([appliance.ended(), sleep(10_000)]);
  if (code !== 0 && appliance.isRunning) throw new Error(`${command.join(' ')}: ${stdout}${stderr}`);
  await appliance.ended();
  return storedOperation(appliance).steps.map(({ n, type }) => ({ n, type }));
}

/** By the database itself: what the app lists may be a part, or come from its cache. */
export async function notesIn(appliance: TestAppliance): Promise<number[]> {
  return (await linesOf(appliance, 'SELECT id FROM notes')).map(Number);
}

/** The paths of the files that the database knows of. */
export function filesIn(appliance: TestAppliance): Promise<string[]> {
  return linesOf(appliance, "SELECT CONCAT('/api/notes/', note_id, '/attachments/', id) FROM attachments");
}

async function linesOf(appliance: TestAppliance, statement: string): Promise<string[]> {
  const client = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '--batch', '--skip-column-names'];
  const words = ['exec', '-T', 'mysql', ...client, '-e', statement, 'notes'];
  const { stdout } = await appliance.compose(words);
  return stdout.split('\n').slice(0, -1);
}

/** Reading takes its time: of very many some are read, the newest among them. */
const READ_AT_MOST = 40;

/** The database knows each of these, and they can be read as they were kept. */
export async function filesAreThere(
  t: Test,
  appliance: TestAppliance,
  files: readonly KeptFile[],
): Promise<void> {
  const known = new Set(await filesIn(appliance));
  t.strictSame(
    files.filter(({ path }) => !known.has(path)),
    [],
    'every file whose keeping was answered is known',
  );
  const every = Math.ceil(files.length / READ_AT_MOST);
  for (const { path, content } of files.toReversed().filter((_, n) => n % every === 0)) {
    t.match(await appliance.ask(path), { status: 200, body: content }, path);
  }
}

/** Exactly this release: its replicas, its schema, its files, nothing beside them. */
export async function isWhole(
  t: Test,
  appliance: TestAppliance,
  { version, schema }: { readonly version: string; readonly schema: number },
): Promise<void> {
  const { stdout } = await appliance.onstead(['status', '--json']);
  t.match(JSON.parse(stdout), { well: true, release: { version } });
  const containers = await appliance.engine.containers.list({ project: appliance.project });
  t.strictSame(
    containers.map(({ service }) => service).toSorted(),
    ['app', 'app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'],
    'no double, none missing, and no migration left behind',
  );
  const question = ['exec', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'status', '--json'];
  const answer = await appliance.compose(question);
  t.match(JSON.parse(answer.stdout), { version: schema, complete: true, broken: [] });
  const pending = await appliance.compose(['--progress', 'plain', 'up', '--detach', '--dry-run']);
  t.notMatch(pending.stderr, /Recreate|Creat/, 'the folder says what runs');
}
