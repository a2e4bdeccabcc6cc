// The edge's configuration, judged by the real nginx.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { run } from '../../src/base/process.ts';
import { parseRelease } from '../../src/release/index.ts';
import {
  certificateSecrets,
  ensureCertificates,
  readSettings,
  SecretStore,
  type Settings,
} from '../../src/stack/index.ts';
import { releaseText, renderText, settings } from '../unit/stack/lab.ts';
import { demoImage, openStackLab } from './stack-lab.ts';

const lab = await openStackLab();
t.teardown(() => lab.close());
const image = await demoImage('nginx');
const secrets = join(lab.folder, 'secrets');
const store = await SecretStore.open({
  folder: join(lab.folder, 'store'),
  machineKeyPath: join(lab.folder, 'key'),
  clock: systemClock,
});
await ensureCertificates(store, ['localhost'], systemClock);
await mkdir(secrets);
for (const name of [certificateSecrets.server, certificateSecrets.serverKey])
  await writeFile(join(secrets, name), store.get(name), { mode: 0o444 });
await chmod(lab.folder, 0o755);

type EdgeFiles = Readonly<Record<'conf' | 'upstreams', string>>;

async function tried({ conf, upstreams }: EdgeFiles): Promise<{ code: number; stderr: string }> {
  const folder = join(lab.folder, randomBytes(4).toString('hex'));
  await mkdir(folder);
  await writeFile(join(folder, 'nginx.conf'), conf);
  await writeFile(join(folder, 'upstreams.conf'), upstreams);
  const fence = [
    '--network',
    'none',
    '--read-only',
    '--cap-drop',
    'ALL',
    '--user',
    '101:101',
    '--tmpfs',
    '/tmp:uid=101,gid=101,mode=700',
  ];
  const mounts = ['--volume', `${folder}:/etc/onstead:ro`, '--volume', `${secrets}:/run/secrets:ro`];
  // Upstreams that resolve while running need shared memory only; the names are asked for later.
  return run(
    'docker',
    [
      'run',
      '--rm',
      '--pull',
      'never',
      ...fence,
      ...mounts,
      image,
      'nginx',
      '-t',
      '-c',
      '/etc/onstead/nginx.conf',
    ],
    { accept: [0, 1] },
  );
}

function edgeConfig(edge: Partial<Settings['edge']>, text = releaseText): EdgeFiles {
  const files = renderText(text, { settings: { ...settings, edge: { ...settings.edge, ...edge } } });
  return {
    conf: files.get('config/nginx/nginx.conf')!,
    upstreams: files.get('config/nginx/upstreams.conf')!,
  };
}

const variants: Readonly<Record<string, Partial<Settings['edge']>>> = {
  'the usual settings': {},
  'other ports': { httpPort: 8080, httpsPort: 8443 },
  'small bodies': { maxBodyBytes: 1 },
  'huge bodies': { maxBodyBytes: 2 ** 45 },
  'bodies of any size': { maxBodyBytes: 0 },
  'HTTP/2': { http2: true },
  'one address': { address: '192.0.2.7' },
};
for (const [what, edge] of Object.entries(variants)) {
  t.test(`nginx accepts the configuration for ${what}`, async (t) => {
    const { code, stderr } = await tried(edgeConfig(edge));
    t.equal(code, 0, stderr);
    t.match(stderr, /test is successful/);
    t.notMatch(stderr, /\[(warn|emerg|alert|crit|error)\]/);
  });
}

t.test('the test can fail: nginx refuses a broken file', async (t) => {
  const { conf, upstreams } = edgeConfig({});
  t.match(await tried({ conf: conf.replace('sendfile on;', 'sendfile on'), upstreams }), {
    code: 1,
    stderr: /emerg/,
  });
});

t.test("the app's name and port and the address's port reach the configuration", async (t) => {
  const text = releaseText
    .replaceAll(/^ {2}app:$/gm, '  web-2.a_b:')
    .replaceAll('[app]', '[web-2.a_b]')
    .replace(/^ {4}app:$/m, '    web-2.a_b:')
    .replace('port: 3000', 'port: 65535');
  const config = edgeConfig({ httpsPort: 8443 }, text);
  t.equal(parseRelease(text, 'x').services[0]?.name, 'web-2.a_b');
  t.match(config.upstreams, /server web-2\.a_b:65535 resolve/);
  t.match(config.conf, /return 308 https:\/\/\$host:8443\$request_uri;/);
  t.match(edgeConfig({}).conf, /return 308 https:\/\/\$host\$request_uri;/);
  t.match(await tried(config), { code: 0 });
});

const hostile = [
  '443; } } events {',
  '443\n  server { listen 81; }',
  '$(id)',
  '443;include /etc/passwd',
  '`id`',
  '-1',
  '70000',
  '{ a: 1 }',
  '[1, 2]',
];
for (const value of hostile) {
  t.test(`settings that hold ${JSON.stringify(value)} never reach the configuration`, async (t) => {
    for (const key of ['address', 'httpPort', 'httpsPort', 'maxBodyBytes', 'maxBody', 'names']) {
      const path = join(lab.folder, `${randomBytes(4).toString('hex')}.yaml`);
      const text = /^[{[]/.test(value) ? value : JSON.stringify(value);
      await writeFile(path, `edge:\n  ${key}: ${key === 'names' ? `[${text}]` : text}\n`);
      if (key === 'names' && value === '70000') continue; // a host may be called that
      await t.rejects(readSettings(path), { code: /^settings\./ }, key);
    }
  });
}
