// An app that tells its secrets to whoever reads along: what Onstead passes on, keeps and shows of it holds none.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { parseDocument } from 'yaml';
import { TestAppliance } from './appliance.ts';
import { demoBundle } from './demo-bundle.ts';

t.setTimeout(600_000);

const SAYS =
  'p=$$(cat /run/secrets/mysql_password); echo "cannot log in as notes:$$p@mysql"; cat /run/secrets/s3_secret_key >&2; exit 3';

function withTalkativeApp(text: string): string {
  const document = parseDocument(text);
  document.setIn(['services', 'app', 'entrypoint'], ['sh', '-c', SAYS]);
  return document.toString({ lineWidth: 0 });
}

const bundle = await demoBundle('1.0.0', withTalkativeApp);
const appliance = await TestAppliance.make({ publicKey: bundle.publicKey });
t.teardown(() => appliance.remove());

async function said(): Promise<string> {
  for (;;) {
    const { code, stdout } = await appliance.onstead(['logs', 'app']);
    if (code === 0 && stdout.includes('cannot log in')) return stdout;
    await sleep(100);
  }
}

t.test('a start that prints its secrets and fails leaves none of them anywhere', async (t) => {
  await appliance.start();
  const installing = appliance.onstead(['install', bundle.path]);
  const logs = await said();
  const opened = (name: string) => readFile(join(appliance.paths.unsealed, 'app', name), 'utf8');
  const secrets = [await opened('mysql_password'), await opened('s3_secret_key')];
  const install = await installing;
  t.equal(install.code, 5, install.stdout);
  t.match(
    install.stdout,
    /cannot log in as notes:\[secret\]@mysql/,
    'what it said helps, without its secret',
  );
  t.match(logs, /cannot log in as notes:\[secret\]@mysql/);
  const asJson = await appliance.onstead(['operations', 'show', '--json']);
  t.match(asJson.stdout, /"rolled-back"/);
  t.match(asJson.stdout, /cannot log in as notes:\[secret\]@mysql/);
  await appliance.stop();
  const bytes = (path: string) => readFile(path, 'latin1').catch(() => '');
  const places: Readonly<Record<string, string>> = {
    install: install.stdout + install.stderr,
    logs,
    'operations show': asJson.stdout,
    'state.db': (await bytes(appliance.paths.database)) + (await bytes(`${appliance.paths.database}-wal`)),
    'daemon.log': await appliance.log(),
  };
  for (const [place, text] of Object.entries(places)) {
    t.ok(text.length > 0, `${place} was read`);
    for (const secret of secrets) t.notOk(text.includes(secret.trim()), place);
  }
});
