// What the crash tests of upgrades share: an upgrade that is written down and not begun, and how it must have ended.

import type { Test } from 'tap';
import type { TestAppliance } from '../appliance.ts';
import { storedOperation } from '../stored-operation.ts';
import type { Step } from './killing.ts';

/** Writes the upgrade down; the daemon dies before it does anything. */
export async function begun(appliance: TestAppliance, path: string): Promise<Step[]> {
  await appliance.stop(); // where a test before this one failed
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['upgrade', path, '--irreversible', '--yes', '--detach']);
  await appliance.ended();
  return storedOperation(appliance).steps.map(({ n, type }) => ({ n, type }));
}

/** By the database itself: what the app lists may be a part, or come from its cache. */
export async function notesIn(appliance: TestAppliance): Promise<number[]> {
  const client = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '--batch', '--skip-column-names'];
  const words = ['exec', '-T', 'mysql', ...client, '-e', 'SELECT id FROM notes', 'notes'];
  const { stdout } = await appliance.compose(words);
  return stdout.split('\n').slice(0, -1).map(Number);
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
