// The daemon is killed with SIGKILL while MySQL, Redis and the object store are replaced, and while they are taken back:
// the stack ends as exactly the old or exactly the new release, and every row and file is there.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { isOver } from '../../src/journal/index.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { storedOperation } from '../e2e/stored-operation.ts';
import { startUsers, type Seen, type UserSample } from '../e2e/users.ts';
import {
  diesAt,
  diesWhen,
  isComplete,
  placeOf,
  settle,
  type Point,
  type Step,
} from '../e2e/crash/killing.ts';

t.setTimeout(1_180_000);

const releaseOf = (name: string, version: string, edit: (text: string) => string) =>
  demoBundle(name, (text) => edit(text.replace(/^ {2}version: .*$/m, `  version: ${version}`)));
const mysqlOf = (series: string) => (text: string) => text.replace('mysql:9.7.4', `mysql:${series}`);
const otherSettings = (text: string): string =>
  text
    .replace('      MYSQL_DATABASE: notes\n      MYSQL_USER', '      TZ: UTC\n$&')
    .replace('x-onstead: { role: redis }', 'environment: { TZ: UTC }\n    $&')
    .replace('      MINIO_ROOT_USER_FILE:', '      TZ: UTC\n$&');
const neverAnswers = (text: string): string =>
  text.replace(
    /image: redis:\S+/,
    "$&\n    entrypoint: ['sh', '-c', 'exec redis-server /etc/onstead/redis.conf --port 6390']",
  );
const cannotStart = (text: string): string =>
  text.replace(/image: mysql:\S+/, "$&\n    command: ['mysqld', '--no-such-setting=1']");

const first = await releaseOf('1.1.0', '1.1.0', mysqlOf('8.4.9'));
const upgradeSettings = (hold: string): string => `{ readyWithin: 15s, soak: 1s, hold: ${hold} }`;
const appliance = await installedAppliance(t, first, upgradeSettings('60s'));
await appliance.stop();
const settings = (hold: string): string =>
  `limits: { memory: 5G, disk: 40G }\nupgrade: ${upgradeSettings(hold)}\n`;

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

/** When it died, and when it answered again after that. */
const kills: { readonly diedMs: number; readyMs?: number }[] = [];
const start = appliance.start.bind(appliance);
appliance.start = async (env) => {
  await start(env);
  const last = kills.at(-1);
  if (last !== undefined) last.readyMs ??= Date.now();
};

/** Its death is seen this late at most. */
const SEEN_LATE_MS = 1_000;
/** A daemon that is back has nginx ask before it holds anybody: old workers of nginx may serve 15 s longer. */
const HOLDS_AGAIN_MS = 20_000;

/** Failures of requests that nobody could have held: those that were under way while the daemon was dead, or just back. */
function failedWhileHeld({ samples }: Seen): string[] {
  const isNear = ({ atMs, tookMs }: UserSample): boolean =>
    kills.some(
      ({ diedMs, readyMs = Infinity }) =>
        atMs + tookMs >= diedMs - SEEN_LATE_MS && atMs <= readyMs + HOLDS_AGAIN_MS,
    );
  const told = (one: UserSample): string =>
    `${one.method} at ${one.atMs} for ${one.tookMs} ms: ${one.failure}`;
  return samples.filter((one) => one.failure !== undefined && !isNear(one)).map(told);
}

/** Kills at these moments of each step; `npm test` has time for one of each, in turn. */
async function killThrough(
  t: Test,
  steps: readonly (readonly [service: string, step: Step])[],
  moments: readonly (Point | Look)[],
  afterKill: (service: string, moment: Point | Look) => Promise<void> = async () => {},
): Promise<void> {
  for (const [at, [service, step]] of steps.entries()) {
    const chosen = isComplete ? moments : [moments[(at + 1) % moments.length]!];
    for (const moment of chosen) {
      const isDead =
        typeof moment === 'string'
          ? (await diesAt(appliance, placeOf(step, moment))) !== undefined
          : await diesWhenSeen(service, moment);
      kills.push({ diedMs: Date.now() });
      const where = `${step.type} of ${service}: ${typeof moment === 'string' ? moment : moment.name}`;
      const steps = storedOperation(appliance).steps.map(
        ({ n, state, attempts }) => `${n} ${state} ${attempts}`,
      );
      t.ok(isDead, isDead ? where : `${where}, with the steps ${steps.join(', ')}`);
      await afterKill(service, moment);
    }
  }
}

async function waitFor(ask: () => Promise<string>, answer: string): Promise<void> {
  for (let tries = 1; (await ask()) !== answer; tries += 1) {
    if (tries === 300) throw new Error(`it never says ${answer}`);
    await sleep(50);
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

/** In the container that runs, at this port; what it says. */
async function inRedis(words: string, port = 6379): Promise<string> {
  const [running] = (await containersOf('redis')).filter(({ status }) => status === 'running');
  const program = `REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli -h 127.0.0.1 -p ${port} ${words}`;
  const { stdout } = await appliance.engine.containers.exec(running!.id, { cmd: ['sh', '-c', program] });
  return stdout.trim();
}

/** Dies when the verdict is written down: there is no way on any more, and nothing is taken back yet. */
async function diesWhenRefused(service: string): Promise<boolean> {
  const { id } = storedOperation(appliance);
  const file = join(appliance.paths.points, id, 'replaced', `${service}.json`);
  await appliance.start();
  // Looked at often: the old one is on its way back within moments.
  for (let looks = 1; !(existsSync(file) && readFileSync(file, 'utf8').includes('"refused"')); looks += 1) {
    if (looks % 500 === 0 && isOver((await appliance.operation()).state)) return false;
    await sleep(2);
  }
  await appliance.stop('SIGKILL');
  kills.push({ diedMs: Date.now() });
  return true;
}

/** What a client of it could do, as soon as one answers at that port. */
const writes = (): Promise<void> =>
  waitFor(() => inRedis('SET written-meanwhile yes', 6390).catch(() => 'not yet'), 'OK');

async function refusesRedis(t: Test, version: string, isKilled: boolean): Promise<void> {
  await appliance.writeSettings(settings('5s'));
  const edit = (text: string): string => neverAnswers(mysqlOf('8.4.9')(text));
  const { redis } = await begun((await releaseOf('1.1.0', version, edit)).path);
  const users = await startUsers(appliance);
  if (isKilled) t.ok(await diesWhenRefused('redis'), 'killed when it was refused');
  else await appliance.start();
  const diedMs = kills.at(-1)?.diedMs ?? 0;
  await writes();
  if (isKilled && isComplete) await killThrough(t, [['redis', undo(redis!)]], ['before', hasEnded, 'after']);
  const end = await settle(appliance);
  const seen = await users.stop();
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  t.match(end.error?.message, /redis does not start: it runs, and did not answer within 20 s/);
  t.equal(await inRedis('GET written-meanwhile'), 'yes', 'what people wrote to it is there');
  if (isKilled) {
    const beforeMs = diedMs - SEEN_LATE_MS;
    const ends = seen.samples.map(({ atMs, tookMs }) => atMs + tookMs);
    t.ok(
      ends.some((endMs) => endMs > beforeMs - 10_000 && endMs < beforeMs),
      'requests went on before the verdict',
    );
  } else {
    const { stdout } = await appliance.onstead(['operations', 'show', end.id]);
    t.match(stdout, /then they got what answer there was, for/);
  }
  await isWhole(t, '1.1.0', seen.made);
  await appliance.stop();
  await appliance.writeSettings(settings('60s'));
}

t.test('killed when a Redis that never answers is taken back: what was written to it stays', (t) =>
  refusesRedis(t, '1.1.1', true),
);

if (isComplete) {
  t.test('a Redis that never answers is taken back after the limit, with what was written to it since', (t) =>
    refusesRedis(t, '1.1.4', false),
  );

  t.test('killed while a MySQL that cannot start is taken back: it ends as the old release', async (t) => {
    const edit = (text: string): string => cannotStart(mysqlOf('8.4.9')(text));
    const { mysql } = await begun((await releaseOf('1.1.0', '1.1.1', edit)).path);
    const users = await startUsers(appliance);
    await killThrough(t, [['mysql', mysql!]], [hasEnded, hasAnother]);
    await killThrough(t, [['mysql', undo(mysql!)]], ['before']);
    const end = await settle(appliance);
    const seen = await users.stop();
    t.strictSame(failedWhileHeld(seen), []);
    t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
    await isWhole(t, '1.1.0', seen.made);
    await appliance.stop();
  });
}

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
  const seen = await users.stop();
  t.strictSame(failedWhileHeld(seen), []);
  t.equal(end.state, 'rolled-back', JSON.stringify(end.error));
  await isWhole(t, '1.1.0', seen.made);
  await appliance.stop();
});

t.test('killed while each is replaced, MySQL by another series: the upgrade ends well', async (t) => {
  const edit = (text: string): string => otherSettings(mysqlOf('9.7.4')(text));
  const steps = await begun((await releaseOf('1.1.0', '1.1.3', edit)).path);
  t.strictSame(Object.keys(steps), ['mysql', 'redis', 'minio']);
  const users = await startUsers(appliance);
  let isWritten = false;
  await killThrough(
    t,
    Object.entries(steps),
    ['during', hasEnded, hasAnother, 'after'],
    async (service, moment) => {
      if (service !== 'redis' || moment !== hasAnother) return;
      // As people may: what it held before the kill says nothing of what it holds now.
      await waitFor(() => inRedis('FLUSHALL'), 'OK');
      t.equal(await inRedis('SET written-meanwhile yes'), 'OK');
      isWritten = true;
    },
  );
  const end = await settle(appliance);
  const seen = await users.stop();
  t.strictSame(failedWhileHeld(seen), []);
  t.equal(end.state, 'done', JSON.stringify(end.error));
  t.ok(isWritten);
  t.equal(await inRedis('GET written-meanwhile'), 'yes');
  await isWhole(t, '1.1.3', seen.made);
  await appliance.stop();
});
