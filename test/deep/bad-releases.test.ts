// A customer upgrades to a release that turns out bad: it is taken back by itself, the story says why in one sentence,
// and the people who use the application meet nothing but the bad release's own bad answers.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers, type Seen } from '../e2e/users.ts';

t.setTimeout(590_000);

const STAYS_WELL_MS = 2_000;

const good = await demoBundle('1.1.0');
const appliance = await installedAppliance(t, good, '{ readyWithin: 20s, soak: 10s }');

interface Told {
  readonly code: number;
  readonly said: string;
  readonly seen: Seen;
}

async function upgradeUnderLoad(path: string, ...more: string[]): Promise<Told> {
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes', ...more]);
  await sleep(STAYS_WELL_MS);
  return { code, said: stdout + stderr, seen: await users.stop() };
}

async function takenBack(t: Test, { code, said, seen }: Told, why: RegExp): Promise<void> {
  t.equal(code, 5, said);
  const { state, error, finishedAt } = await appliance.operation();
  t.equal(state, 'rolled-back', said);
  t.match(error?.message, why);
  const late = seen.samples.filter(
    ({ failure, atMs }) => failure !== undefined && atMs > Date.parse(finishedAt!),
  );
  t.strictSame(late, [], 'whatever answers now is well');
  const { stdout } = await appliance.onstead(['status', '--json']);
  t.equal((JSON.parse(stdout) as { release: { version: string } }).release.version, '1.1.0');
  const replicas = await appliance.engine.containers.list({ project: appliance.project, service: 'app' });
  t.ok(replicas.length > 0);
  t.ok(replicas.every(({ status, health }) => status === 'running' && health === 'healthy'));
  t.equal(new Set(replicas.map(({ image }) => image)).size, 1, 'all replicas are of one release');
}

/** Everything that people were answered wrongly was an answer of the bad release. */
const others = ({ failures }: Seen, ownAnswer = /^$/): string[] =>
  failures.filter((line) => !ownAnswer.test(line));

t.test('a release that answers some requests with errors is taken back', async (t) => {
  const told = await upgradeUnderLoad((await demoBundle('errors')).path);
  await takenBack(t, told, /% of [\d,]+ .*requests failed \(.*allowed 1 %\)/);
  t.strictSame(others(told.seen, /status 500/), []);
  t.ok(told.seen.failures.length < told.seen.answered / 50, `${told.seen.failures.length} bad answers`);
  const { stdout } = await appliance.onstead(['operations', 'show']);
  const [, failed] = /At the edge: [\d,]+ requests meanwhile, ([\d,]+) answered with a failure/.exec(stdout)!;
  t.equal(failed, told.seen.failures.length.toLocaleString('en-US'), 'the story says what people saw');
});

t.test('a release that is slow is taken back, though each of its answers is right', async (t) => {
  const told = await upgradeUnderLoad((await demoBundle('slow')).path);
  await takenBack(t, told, /slowly: 95 % of [\d,]+ .*requests took up to .* s \(.*allowed .* s\)/);
  t.strictSame(others(told.seen), []);
});

t.test('health failed after the migration ran: the release goes, and so does its migration', async (t) => {
  const told = await upgradeUnderLoad((await demoBundle('app-fails')).path);
  await takenBack(t, told, /./);
  t.strictSame(others(told.seen), []);
  const migration = (await appliance.operation()).steps.find(({ type }) => type === 'migrate');
  t.equal(migration?.state, 'undone');
});

t.test("the failure's own logs are kept in the operation's story", async (t) => {
  const { stdout } = await appliance.onstead(['operations', 'show', (await appliance.operation()).id]);
  t.match(stdout, /app-\d+: /, 'the last words of a replica that is gone');
});

t.test('a replica that ends after it was switched in is taken back', async (t) => {
  const ending = `const { Server } = require("http"); const emit = Server.prototype.emit; let count = 0;
    Server.prototype.emit = function (type, request, ...rest) {
      if (type === "request" && request.url === "/api/notes" && ++count > 40) process.exit(3);
      return emit.call(this, type, request, ...rest);
    };
    import("/app/src/main.ts")`.replace(/\s+/g, ' ');
  const { path } = await demoBundle('1.2.0', (text) =>
    text
      .replace('    environment:\n      MYSQL_HOST', `    command: [node, -e, '${ending}']\n$&`)
      .replace('reversible: false', 'reversible: true')
      .replace('onstead-demo/notes:1.2.0', 'onstead-demo/notes:1.1.0'),
  );
  const told = await upgradeUnderLoad(path);
  // Whichever is seen first: that it ends, or what clients get meanwhile.
  await takenBack(t, told, /did not live on|requests failed/);
  // A request that such a replica had taken when it ended is lost with it.
  t.strictSame(others(told.seen, /status 502/), []);
});
