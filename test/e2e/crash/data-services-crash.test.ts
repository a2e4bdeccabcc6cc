// The daemon is killed with SIGKILL while MySQL, Redis and the object store are replaced, and while they are taken back:
// the stack ends as exactly the old or exactly the new release, and every row and file is there.

import t, { type Test } from 'tap';
import { demoBundle } from '../demo-bundle.ts';
import { installedAppliance } from '../installed-appliance.ts';
import { storedOperation } from '../stored-operation.ts';
import { startUsers } from '../users.ts';
import { diesAt, diesWhen, isComplete, placeOf, settle, type Point, type Step } from './killing.ts';

t.setTimeout(1_180_000);

const releaseOf = (name: string, version: string, edit: (text: string) => string) =>
  demoBundle(name, (text) => edit(text.replace(/^ {2}version: .*$/m, `  version: ${version}`)));
const mysqlOf = (series: string) => (text: string) => text.replace('mysql:9.7.4', `mysql:${series}`);
const otherSettings = (text: string): string =>
  text
    .replace('      MYSQL_DATABASE: notes\n      MYSQL_USER', '      TZ: UTC\n$&')
    .replace('x-onstead: { role: redis }', 'environment: { TZ: UTC }\n    $&')
    .replace('      MINIO_ROOT_USER_FILE:', '      TZ: UTC\n$&');
const cannotStart = (text: string): string =>
  text.replace(/image: mysql:\S+/, "$&\n    command: ['mysqld', '--no-such-setting=1']");

const first = await releaseOf('1.1.0', '1.1.0', mysqlOf('8.4.9'));
const appliance = await installedAppliance(t, first, '{ readyWithin: 15s, soak: 1s }');
await appliance.stop();

const containersOf = (service: string) =>
  appliance.engine.containers.list({ project: appliance.project, service });

/** Writes the upgrade down; the daemon dies before it does anything. Its data steps, by service. */
async function begun(path: string): Promise<{ readonly [service: string]: Step }> {
  await appliance.stop(); // where a test before this one failed
  await appliance.start({ ONSTEAD_FAULT: '1/preflight:before' });
  await appliance.onstead(['upgrade', path, '--irreversible', '--yes', '--detach']);
  await appliance.ended();
  const steps = storedOperation(appliance).steps.filter(({ type }) => type === 'replace-data');
  return Object.fromEntries(
    steps.map(({ n, type, title }) => [/^Replace (\S+):/.exec(title)?.[1] ?? title, { n, type }]),
  );
}

const undo = ({ n, type }: Step): Step => ({ n, type: `undo:${type}` });

/** Its containers when the daemon is started, and whether it is time to kill it. */
type Look = (known: readonly string[], now: Awaited<ReturnType<typeof containersOf>>) => boolean;

/** None of them runs any more. */
const hasEnded: Look = (known, now) =>
  !now.some(({ id, status }) => known.includes(id) && status === 'running');
/** Another one runs in its place. */
const hasAnother: Look = (known, now) =>
  now.some(({ id, status }) => !known.includes(id) && status === 'running');

async function diesWhenSeen(service: string, look: Look): Promise<boolean> {
  const known = (await containersOf(service)).map(({ id }) => id);
  return diesWhen(appliance, async () => look(known, await containersOf(service)));
}

/** Kills at these moments of each step; `npm test` has time for one of each, in turn. */
async function killThrough(
  t: Test,
  steps: readonly (readonly [service: string, step: Step])[],
  moments: readonly (Point | Look)[],
): Promise<void> {
  for (const [at, [service, step]] of steps.entries()) {
    const chosen = isComplete ? moments : [moments[(at + 1) % moments.length]!];
    for (const moment of chosen) {
      const isDead =
        typeof moment === 'string'
          ? (await diesAt(appliance, placeOf(step, moment))) !== undefined
          : await diesWhenSeen(service, moment);
      const where = `${step.type} of ${service}: ${typeof moment === 'string' ? moment : moment.name}`;
      const steps = storedOperation(appliance).steps.map(
        ({ n, state, attempts }) => `${n} ${state} ${attempts}`,
      );
      t.ok(isDead, isDead ? where : `${where}, with the steps ${steps.join(', ')}`);
    }
  }
}

async function inMysql(statement: string): Promise<string> {
  const client = ['mysql', '--defaults-extra-file=/run/secrets/admin.cnf', '--batch', '--skip-column-names'];
  return (
    await appliance.compose(['exec', '-T', 'mysql', ...client, '-e', statement, 'notes'])
  ).stdout.trim();
}

/** Exactly this release, and every note whose making was answered. */
async function isWhole(t: Test, version: string, made: readonly number[]): Promise<void> {
  const { stdout } = await appliance.onstead(['status', '--json']);
  t.match(JSON.parse(stdout), { well: true, release: { version } });
  const there = new Set((await inMysql('SELECT id FROM notes')).split('\n').map(Number));
  t.ok(made.length > 0, `${made.length} notes were made`);
  t.strictSame(
    made.filter((id) => !there.has(id)),
    [],
    'no row is lost',
  );
  const containers = await appliance.engine.containers.list({ project: appliance.project });
  t.strictSame(
    containers.map(({ service }) => service).toSorted(),
    ['app', 'app', 'minio', 'mysql', 'nginx', 'onstead-edge', 'redis'],
    'no double, and none missing',
  );
  const pending = await appliance.compose(['--progress', 'plain', 'up', '--detach', '--dry-run']);
  t.notMatch(pending.stderr, /Recreate|Creat/, 'the folder says what runs');
  const volumes = await appliance.engine.volumes.list({
    labels: [`onstead.project=${appliance.project}`, 'onstead.volume=mysql-data'],
  });
  t.equal(volumes.length, 1, 'one volume holds the rows');
}

t.test('killed while a MySQL that cannot start is taken back: it ends as the old release', async (t) => {
  const edit = (text: string): string => cannotStart(mysqlOf('8.4.9')(text));
  const { mysql } = await begun((await releaseOf('1.1.0', '1.1.1', edit)).path);
  const users = await startUsers(appliance);
  await killThrough(t, [['mysql', mysql!]], isComplete ? [hasEnded, hasAnother] : [hasAnother]);
  await killThrough(t, [['mysql', undo(mysql!)]], ['before']);
  const end = await settle(appliance);
  const { made } = await users.stop();
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  await isWhole(t, '1.1.0', made);
  await appliance.stop();
});

t.test('killed while all of them are taken back: they end as they were', async (t) => {
  const edit = (text: string): string => otherSettings(mysqlOf('8.4.9')(text));
  const steps = await begun((await releaseOf('app-fails', '1.1.2', edit)).path);
  const back = Object.entries(steps)
    .map(([service, step]) => [service, undo(step)] as const)
    .toReversed();
  const users = await startUsers(appliance);
  // Only from here on do the containers that end belong to the new release.
  if (!isComplete) await killThrough(t, back.slice(0, 1), ['before']);
  await killThrough(t, back, ['before', hasEnded, hasAnother, 'after']);
  const end = await settle(appliance);
  const { made } = await users.stop();
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  await isWhole(t, '1.1.0', made);
  await appliance.stop();
});

t.test('killed while each is replaced, MySQL by another series: the upgrade ends well', async (t) => {
  const edit = (text: string): string => otherSettings(mysqlOf('9.7.4')(text));
  const steps = await begun((await releaseOf('1.1.0', '1.1.3', edit)).path);
  t.strictSame(Object.keys(steps), ['mysql', 'redis', 'minio']);
  const users = await startUsers(appliance);
  await killThrough(t, Object.entries(steps), ['during', hasEnded, hasAnother, 'after']);
  const end = await settle(appliance);
  const { made } = await users.stop();
  t.equal(end.state, 'done', JSON.stringify(end.error));
  await isWhole(t, '1.1.3', made);
  await appliance.stop();
});
