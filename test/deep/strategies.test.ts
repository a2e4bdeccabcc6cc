// A customer upgrades by canary and by blue-green, with a worker, an edge that changes, a replica that is ill, and people at
// work all the while: each ends where it should, and nobody notices.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { OperationView } from '../../src/api/schemas.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { listenToEngine, type Heard } from '../e2e/engine-ear.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { beginDownload, openTunnel } from '../e2e/long-clients.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(590_000);

/** The app says back what comes over an upgraded connection. */
const TUNNEL = `const { Server } = require("http"); const listen = Server.prototype.listen;
  Server.prototype.listen = function (...args) {
    this.on("upgrade", (request, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n");
      socket.pipe(socket);
    });
    return listen.apply(this, args);
  };
  import("/app/src/main.ts")`.replace(/\s+/g, ' ');
const WORK = 'setInterval(() => {}, 1000); process.on("SIGTERM", () => process.exit(0))';

/** The sample app with a worker of the same image; ill within seconds, gone within seconds. */
const releaseOf = (name: string, version: string, edit: (text: string) => string = (text) => text) =>
  demoBundle(name, (text) =>
    edit(
      text
        .replace(/^ {2}version: .*$/m, `  version: ${version}`)
        .replace(/^( +drain:) \d+s$/m, '$1 4s')
        .replace(
          '    environment:\n      MYSQL_HOST',
          `    command: [node, -e, '${TUNNEL}']
    healthcheck: { interval: 2s, timeout: 2s, retries: 2, start_period: 30s }\n$&`,
        )
        .replace(
          '\n  mysql:\n',
          `
  jobs:
    image: onstead-demo/notes:${name}
    command: [node, -e, '${WORK}']
    healthcheck: { test: [CMD, 'true'], interval: 2s }
    restart: unless-stopped
    x-onstead: { role: worker, drain: 4s }
$&`,
        ),
    ),
  );

const appliance = await installedAppliance(
  t,
  await releaseOf('1.0.0', '1.0.0'),
  '{ readyWithin: 60s, soak: 3s, keepWarm: 3s }',
);

/** Without those of a migration. */
const containersOf = async (service: string) =>
  (await appliance.engine.containers.list({ project: appliance.project, service })).filter(
    ({ oneOff }) => !oneOff,
  );
const idsOf = async (service: string): Promise<string[]> =>
  (await containersOf(service)).map(({ id }) => id).toSorted();
const version = async (): Promise<string> => {
  const { stdout } = await appliance.onstead(['status', '--json']);
  return (JSON.parse(stdout) as { release: { version: string } }).release.version;
};

/** A reload. */
const SIGHUP = '1';
const OVER = ['done', 'rolled-back', 'stuck'];

/** Looks at the operation until this is so; false where it came to its end before. */
async function until(isSo: (operation: OperationView) => boolean): Promise<boolean> {
  for (;;) {
    const operation = await appliance.operation();
    if (isSo(operation)) return true;
    if (OVER.includes(operation.state)) return false;
    await sleep(100);
  }
}

const stepIs =
  (type: string, state: string) =>
  ({ steps }: OperationView): boolean =>
    steps.some((step) => step.type === type && step.state === state);

/** How many requests the edge sent to these between two moments, tries that it made again counted, and to others. */
async function sentTo(
  addresses: readonly string[],
  window: { readonly from: string | null; readonly to: string | null },
): Promise<{ readonly theirs: number; readonly others: number }> {
  const [since, until] = [new Date(window.from!), new Date(window.to!)]; // of what is over
  const sent = { theirs: 0, others: 0 };
  for (const { id } of await containersOf('nginx')) {
    for await (const { line } of appliance.engine.containers.logs(id, { since, until })) {
      const upstream = /"upstream":"([^"]+)"/.exec(line)?.[1];
      const tried = upstream?.split(/, | : /).map((one) => one.split(':')[0]!) ?? [];
      if (tried.some((one) => addresses.includes(one))) sent.theirs += 1;
      else if (tried.length > 0) sent.others += 1;
    }
  }
  return sent;
}

const addressesOf = async (service: string): Promise<string[]> =>
  (await containersOf(service)).flatMap(({ networks }) => networks.flatMap(({ ipv4 }) => ipv4 ?? []));

/** What users of other products suffered, as the engine itself tells it. */
function nothingWasTouchedTooEarly(t: Test, { steps }: OperationView, heard: readonly Heard[]): void {
  const loaded = Date.parse(steps.find(({ type }) => type === 'load-images')!.finishedAt!); // it is done
  t.strictSame(
    heard.filter(({ atMs, action }) => atMs < loaded && action !== 'create' && action !== 'start'),
    [],
    'the stack was stopped before the new images were loaded: no container is touched before they are',
  );
}

t.test('by canary the new release meets 5, 25, 50 and 100 % of the requests, and ends alone', async (t) => {
  const { path } = await releaseOf('1.1.0', '1.1.0', (text) =>
    text.replace('x-onstead: { role: nginx }', 'environment: { TZ: UTC }\n    x-onstead: { role: nginx }'),
  );
  const [oldEdge] = await idsOf('nginx');
  const oldJobs = await containersOf('jobs');
  const users = await startUsers(appliance);
  const ear = listenToEngine(appliance);
  await appliance.onstead(['upgrade', path, '--strategy', 'canary', '--yes', '--detach']);

  t.ok(await until(stepIs('replace-edge', 'running')), 'nginx is replaced in a real upgrade');
  const tunnel = await openTunnel(appliance.httpsPort);
  const download = await beginDownload(appliance.httpsPort);
  t.equal(await tunnel.say('before'), 'before');
  const isToldToLeave = (): boolean =>
    ear.heard.some(({ id, action, signal }) => id === oldEdge && action === 'kill' && signal !== SIGHUP);
  t.notOk(isToldToLeave(), 'both began at the nginx of before');
  await until(() => isToldToLeave());
  t.ok(isToldToLeave(), 'the nginx of before was told to leave');
  t.equal(await tunnel.say('after'), 'after', 'a websocket goes on when nginx is replaced');
  t.ok(await download.isWhole(), 'and so does a download');
  t.ok((await idsOf('nginx')).includes(oldEdge!), 'it had not left before');
  tunnel.end();

  await until(() => false);
  const seen = await users.stop();
  ear.stop();
  const operation = await appliance.operation();
  t.equal(operation.state, 'done', operation.error?.message ?? '');
  t.equal(await version(), '1.1.0');
  t.strictSame(seen.failures, []);
  nothingWasTouchedTooEarly(t, operation, ear.heard);

  const addresses = await addressesOf('app');
  const shares = [];
  for (const step of operation.steps.filter(({ title }) => title === 'Watch how app does')) {
    const { theirs, others } = await sentTo(addresses, { from: step.startedAt, to: step.finishedAt });
    t.ok(theirs + others > 30, `${theirs + others} requests`);
    shares.push((theirs * 100) / (theirs + others));
  }
  t.equal(shares.length, 4);
  for (const [at, share] of [5, 25, 50, 100].entries())
    t.ok(Math.abs(shares[at]! - share) < 10 && shares[at]! > 0, `${share} %: ${shares[at]!.toFixed(1)} %`);

  const jobs = await containersOf('jobs');
  t.equal(jobs.length, oldJobs.length);
  t.ok(jobs.every(({ status, health }) => status === 'running' && health === 'healthy'));
  t.notOk(
    jobs.some(({ imageId }) => imageId === oldJobs[0]!.imageId),
    'the worker is of the new release',
  );
  const of = (action: string, id: string): number =>
    ear.heard.find((one) => one.action === action && one.id === id)!.atMs;
  t.ok(of('start', jobs[0]!.id) < of('die', oldJobs[0]!.id), 'and the new one ran before the old one ended');
});

t.test('a new side that fails its smoke test by itself is taken back, and met by nobody', async (t) => {
  const { path } = await releaseOf('1.1.0', '1.1.1', (text) =>
    text
      .replace('    - path: /api/health\n', '    - path: /api/version\n      contains: no-such-word\n$&')
      .replace('MYSQL_HOST:', 'TZ: Europe/Oslo\n      MYSQL_HOST:'),
  );
  const before = await version();
  const old = await containersOf('app');
  const users = await startUsers(appliance);
  const ear = listenToEngine(appliance);
  await appliance.onstead(['upgrade', path, '--strategy', 'blue-green', '--yes', '--detach']);
  /** By address; each has one in every network of the app. */
  const candidates = new Map<string, string>();
  const look = async (): Promise<void> => {
    for (const { id, networks } of await containersOf('app')) {
      if (old.some((one) => one.id === id)) continue;
      for (const { ipv4 } of networks) if (ipv4 !== undefined) candidates.set(ipv4, id);
    }
  };
  while (!OVER.includes((await appliance.operation()).state)) {
    await look();
    await sleep(200);
  }
  const seen = await users.stop();
  ear.stop();
  const operation = await appliance.operation();
  t.equal(operation.state, 'rolled-back');
  t.match(
    operation.error?.message,
    /^A new replica failed the vendor's smoke test before anybody was sent to it \(.*app-\d+: \/api\/version\): no "no-such-word" in it\.$/,
  );
  t.equal(await version(), before);
  t.strictSame(seen.failures, []);
  t.equal(new Set(candidates.values()).size, 2, 'a whole second side was there');
  const window = { from: operation.startedAt, to: operation.finishedAt };
  const { theirs, others } = await sentTo([...candidates.keys()], window);
  t.equal(theirs, 0, 'not one request was sent to it');
  t.ok(others > 100, `${others} were answered by the others`);
  t.strictSame(await idsOf('app'), old.map(({ id }) => id).toSorted(), 'the very same replicas');
  for (const id of new Set(candidates.values())) {
    const starts = ear.heard.filter((one) => one.id === id && one.action === 'start');
    t.equal(starts.length, 1, 'the candidate was recreated during a rollback: none is started a second time');
  }
  t.equal(ear.heard.filter(({ action, service }) => action === 'create' && service === 'app').length, 2);
  for (const { imageId } of old)
    t.ok(await appliance.engine.images.inspect(imageId), 'the old image was deleted: it is there');
});

t.test(
  'an upgrade from a release with an ill replica goes through, and blue-green comes to its end',
  async (t) => {
    const { path } = await releaseOf('1.1.0', '1.1.2', (text) =>
      text.replace('MYSQL_HOST:', 'TZ: UTC\n      MYSQL_HOST:'),
    );
    const [ill, ...others] = await containersOf('app');
    const facts = await appliance.engine.containers.inspect(ill!.id);
    process.kill(facts!.pid, 'SIGSTOP');
    while ((await appliance.engine.containers.inspect(ill!.id))?.health !== 'unhealthy') await sleep(200);
    await appliance.onstead(['upgrade', path, '--strategy', 'blue-green', '--yes', '--detach']);
    // Until the edge names who answers it goes on asking the ill one, as it did before.
    t.ok(await until(stepIs('list-edge', 'done')));
    const users = await startUsers(appliance);
    await until(() => false);
    const seen = await users.stop();
    const operation = await appliance.operation();
    t.equal(operation.state, 'done', operation.error?.message ?? '');
    t.equal(operation.steps.find(({ type }) => type === 'keep-warm')?.state, 'done');
    t.equal(await version(), '1.1.2');
    t.strictSame(seen.failures, []);
    const now = await containersOf('app');
    t.equal(now.length, others.length + 1);
    t.ok(now.every(({ status, health }) => status === 'running' && health === 'healthy'));
    t.notOk(
      now.some(({ id }) => id === ill!.id || others.some((one) => one.id === id)),
      'all of the old are gone, the ill one too',
    );
  },
);

t.test('a migration that takes longer than it may is ended, and the upgrade taken back', async (t) => {
  const { path } = await releaseOf('1.1.0', '1.1.3', (text) =>
    text
      .replace(/up: \[.*\]/, "up: [node, -e, 'setTimeout(() => {}, 600000)']")
      .replace('timeout: 10m', 'timeout: 2s')
      .replace('MYSQL_HOST:', 'TZ: Europe/Lisbon\n      MYSQL_HOST:'),
  );
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes']);
  t.strictSame((await users.stop()).failures, []);
  t.equal(code, 5, stdout + stderr);
  const { state, error } = await appliance.operation();
  t.equal(state, 'rolled-back');
  t.match(error?.message, /The migration failed: it took longer than 2 s/);
  const left = await appliance.engine.containers.list({ name: `${appliance.project}-migrate` });
  t.strictSame(left, [], 'and it does not go on');
  t.equal(await version(), '1.1.2');
});
