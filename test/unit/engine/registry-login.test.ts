import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { registryLogin, serverOf } from '../../../src/engine/registry-login.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-login-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const env = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env['PATH']}` };
const kept = (config: object | string): Promise<void> =>
  writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
const base64 = (text: string): string => Buffer.from(text).toString('base64');

t.test('the registry of a repository is its first part where that can be a host', async (t) => {
  t.equal(serverOf('registry.example:5000/a/b'), 'registry.example:5000');
  t.equal(serverOf('registry.example/a'), 'registry.example');
  t.equal(serverOf('localhost/a'), 'localhost');
  for (const name of ['mysql', 'pgsty/silo', 'docker.io/library/mysql'])
    t.equal(serverOf(name), 'https://index.docker.io/v1/', name);
});

t.test('nobody logged in, or into another registry alone', async (t) => {
  t.equal(await registryLogin('registry.example/a', env), undefined);
  await kept({ auths: { 'other.example': { auth: base64('me:word') } } });
  t.equal(await registryLogin('registry.example/a', env), undefined);
});

t.test('name and password are read, the password with its colons', async (t) => {
  await kept({ auths: { 'registry.example': { auth: base64('me:a:b') } } });
  const found = { serveraddress: 'registry.example', username: 'me', password: 'a:b' };
  t.strictSame(await registryLogin('registry.example/a', env), found);
});

t.test('a helper is asked on its standard input, for one registry or for all', async (t) => {
  const script = `#!/bin/sh
read -r server || [ -n "$server" ]
[ "$server" = registry.example ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"ServerURL":"registry.example","Username":"me","Secret":"kept"}'
`;
  await writeFile(join(folder, 'docker-credential-one'), script, { mode: 0o755 });
  const token = `#!/bin/sh\necho '{"Username":"<token>","Secret":"signed"}'\n`;
  await writeFile(join(folder, 'docker-credential-two'), token, { mode: 0o755 });
  await kept({ credsStore: 'one', credHelpers: { 'token.example': 'two' } });
  t.match(await registryLogin('registry.example/a', env), { username: 'me', password: 'kept' });
  t.equal(await registryLogin('stranger.example/a', env), undefined);
  t.strictSame(await registryLogin('token.example/a', env), {
    serveraddress: 'token.example',
    identitytoken: 'signed',
  });
});

t.test('a file that is none is named, and nothing of what it holds', async (t) => {
  await kept('{ "auths": "c2VjcmV0');
  const error = await registryLogin('registry.example/a', env).catch((e: Error) => e);
  t.match(error, { code: 'engine.login', message: /config\.json cannot be read/, next: /docker login/ });
  t.notMatch(String((error as Error).message), 'c2VjcmV0');
});
