// A delta's whole way, on a machine of its own: refused where nothing is installed, cut for what an appliance says it
// has, refused in words where its base is not, and taken as an upgrade.

import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  baseOfBundle,
  baseOfFingerprint,
  inspectBundle,
  readFingerprint,
  type DeltaBase,
} from '../../src/release/index.ts';
import type { CliResult } from '../e2e/appliance.ts';
import { programBundle } from '../e2e/program-bundle.ts';
import { ScriptMachine } from './script-machine.ts';

t.setTimeout(600_000);

const on = new ScriptMachine();
const { machine } = on;
t.teardown(() => machine.remove());
const full = await programBundle('0.1.0');
const fullIndex = (await inspectBundle(full.path)).index;
const next = (...bases: DeltaBase[]) => programBundle('0.1.0', '1.1.0', bases);

const install = (path: string): Promise<CliResult> =>
  on.install(path, '--trust', full.publicKey, '--https', '8443', '--http', '8080');
const onstead = (...words: string[]): Promise<CliResult> => on.inside(['onstead', ...words]);
const version = async (): Promise<string> =>
  (JSON.parse((await onstead('status', '--json')).stdout) as { release: { version: string } }).release
    .version;
const operations = async (): Promise<number> =>
  (JSON.parse((await onstead('operations', '--json')).stdout) as unknown[]).length;

let cut: string;

t.before(() => on.boot());

t.test('install.sh refuses a delta where nothing is installed, and leaves nothing behind', async (t) => {
  const delta = await next(baseOfBundle('1.0.0', fullIndex));
  const ended = await install(delta.path);
  t.equal(ended.code, 3, ended.stdout);
  t.match(
    ended.stderr,
    /^error: .* is a delta on 1\.0\.0, and nothing is installed here\.\nnext: Ask the vendor for the full bundle of 1\.1\.0\.\n$/,
  );
  t.strictSame(
    machine.changesIn('/opt').filter((path) => path.startsWith('/opt/onstead')),
    [],
  );
});

t.test('the appliance says what it has, and a delta is cut for exactly that', async (t) => {
  const installed = await install(full.path);
  t.equal(installed.code, 0, installed.stdout + installed.stderr);
  const out = '/run/tmp/fingerprint.json';
  const told = await onstead('fingerprint', '--out', out);
  t.match(told.stdout, /fingerprint\.json: notes 1\.0\.0, \d+ layers of 5 images/, told.stderr);
  const text = readFileSync(machine.seen(out), 'utf8');
  t.ok(text.length < 4000, `${text.length} bytes`);
  const fingerprint = readFingerprint(text);
  t.strictSame(fingerprint.kept, ['1.0.0']);
  t.equal(fingerprint.program, `sha256:${fullIndex.files.find(({ kind }) => kind === 'daemon')!.sha256}`);
  const printed = await onstead('fingerprint');
  t.strictSame({ ...readFingerprint(printed.stdout), made: '' }, { ...fingerprint, made: '' });
  const json = await onstead('fingerprint', '--json');
  t.strictSame({ ...readFingerprint(json.stdout), made: '' }, { ...fingerprint, made: '' });

  cut = (await next(baseOfFingerprint('fingerprint.json', fingerprint))).path;
  const { index } = await inspectBundle(cut);
  const app = index.images.find(({ services }) => services.includes('app'))!;
  const sent = index.images
    .flatMap(({ layers }) => layers)
    .filter(({ digest }) => !index.omits.includes(digest));
  t.strictSame(sent, [app.layers.at(-1)], "the app's last layer, and no other");
  t.equal(index.program?.digest, fingerprint.program);
  t.ok(statSync(cut).size < statSync(full.path).size / 20);
});

t.test(
  'what a delta needs can be seen before, and install.sh takes it with the program that is here',
  async (t) => {
    const inspected = await onstead('bundle', 'inspect', cut);
    t.match(inspected.stdout, /needs all \(.*needs 4 of 5 layers|needs 4 of 5 layers[^]*needs all/);
    t.match(inspected.stdout, /A delta on 1\.0\.0: it leaves out \d+ layers \(.*\) and Onstead 0\.1\.0/);
    const verified = await onstead('bundle', 'verify', cut);
    t.equal(verified.code, 0, verified.stderr);
    t.match(verified.stdout, /Every layer that it leaves out is on this machine/);
    const before = (await on.inside(['readlink', '/opt/onstead/current'])).stdout;
    const ended = await install(cut);
    t.match(ended.stdout, /it leaves out Onstead 0\.1\.0; 0\.1\.0 is here/, ended.stderr);
    t.match(ended.stdout, /program .* \(as it was\)/);
    t.match(ended.stderr, /1\.0\.0 is installed; 1\.1\.0 is an upgrade/);
    t.equal((await on.inside(['readlink', '/opt/onstead/current'])).stdout, before);
  },
);

t.test('a delta on a release that is not here is refused in words, and nothing is begun', async (t) => {
  const whole = await next();
  const other = { ...baseOfBundle('1.1.0', (await inspectBundle(whole.path)).index), version: '1.0.9' };
  const { path } = await next(other);
  const before = await operations();
  for (const words of [
    ['upgrade', path, '--yes'],
    ['upgrade', path],
    ['bundle', 'verify', path],
  ]) {
    const refused = await onstead(...words);
    t.equal(refused.code, 3, refused.stdout + refused.stderr);
    t.match(refused.stderr, /builds on 1\.0\.9.*not on this machine: 1 of 5 of app/);
    t.match(refused.stderr, /next: .*full bundle of 1\.1\.0.*onstead fingerprint/);
  }
  t.equal(await operations(), before);
  t.equal(await version(), '1.0.0');
});

t.test('the delta is an upgrade as its full bundle would be', async (t) => {
  appendFileSync(machine.seen('/etc/onstead/onstead.yaml'), 'upgrade: { soak: 2s }\n');
  await on.supervise('stop');
  t.equal((await on.supervise('start')).code, 0);
  const ended = await onstead('upgrade', cut, '--yes');
  t.equal(ended.code, 0, ended.stdout + ended.stderr);
  t.equal(await version(), '1.1.0');
  const status = await onstead('status');
  t.equal(status.code, 0, status.stdout);
  t.match(await on.inside(['ls', join('/var/lib/onstead/releases')]), { stdout: /1\.1\.0/ });
});
