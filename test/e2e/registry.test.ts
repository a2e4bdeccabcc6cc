// `onstead bundle build` as a vendor types it, against a real registry: what the engine does not have is pulled, what
// was promised by digest is that digest, and a registry that does not answer is said in one sentence.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { debianProgram } from '../contract/debian-program.ts';
import { openLab } from '../contract/engine-lab.ts';
import { runCommand, type CliResult } from './appliance.ts';

t.setTimeout(300_000);

const main = new URL('../../src/main.ts', import.meta.url).pathname;
const program = await debianProgram('docker-registry', 'usr/bin/docker-registry');
const lab = await openLab();
const out = join(lab.folder, 'out');
await mkdir(out);
const used = new Set<string>();
t.teardown(async () => {
  for (const reference of used) await lab.engine.images.remove(reference, { force: true });
  await lab.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Registry {
  /** `host:port`; the engine speaks plain HTTP with what is on this machine. */
  readonly name: string;
  stop(): Promise<void>;
}

async function startRegistry(more = ''): Promise<Registry> {
  const name = `127.0.0.1:${await freePort()}`;
  const folder = join(lab.folder, `registry-${name.split(':')[1]}`);
  await mkdir(folder);
  const config = `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${folder}/data } }
http: { addr: ${name} }
${more}`;
  await writeFile(join(folder, 'config.yml'), config);
  const server = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  while ((await fetch(`http://${name}/v2/`).catch(() => undefined)) === undefined) {
    if (server.exitCode !== null) throw new Error(`the registry ended with ${server.exitCode}`);
    await sleep(20);
  }
  const stop = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill();
    await once(server, 'exit');
  };
  t.teardown(stop);
  return { name, stop };
}

async function docker(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand('docker', words);
  if (code !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** An image with this text in it, in the registry alone; returns the digest that the registry gives it. */
async function push(reference: string, text: string): Promise<string> {
  used.add(reference);
  const id = await docker('create', lab.image, 'true');
  const file = join(lab.folder, 'text');
  await writeFile(file, text);
  await docker('cp', file, `${id}:/text`);
  await docker('commit', id, reference);
  await docker('rm', id);
  const said = await docker('push', reference);
  await docker('rmi', reference);
  return /digest: (sha256:[0-9a-f]{64})/.exec(said)![1]!;
}

function onstead(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  // No login of this machine's user is used unless the test says so.
  const full = { ...process.env, DOCKER_CONFIG: out, ...env };
  return runCommand(process.execPath, [main, ...args], { env: full });
}

const key = join(lab.folder, 'vendor');
const made = await onstead(['bundle', 'keygen', key]);
if (made.code !== 0) throw new Error(made.stderr);

async function build(image: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const file = join(lab.folder, 'compose.yaml');
  const app = '{ role: app, port: 3000, health: /health, ready: /ready }';
  const services = [
    `  app: { image: '${image}', x-onstead: ${app} }`,
    `  nginx: { image: '${lab.image}', x-onstead: { role: nginx } }`,
  ];
  await writeFile(file, ['name: tiny', 'x-onstead: { version: 1.0.0 }', 'services:', ...services].join('\n'));
  const words = ['bundle', 'build', file, '--key', `${key}.key`, '--without-daemon'];
  return onstead([...words, '--out', join(out, 'tiny.tar'), ...more], env);
}

async function registryDigest(): Promise<string | undefined> {
  const args = ['bundle', 'inspect', join(out, 'tiny.tar'), '--trust', `${key}.pub`, '--json'];
  const { stdout } = await onstead(args);
  const { index } = JSON.parse(stdout) as {
    index: { images: { services: string[]; registryDigest?: string }[] };
  };
  return index.images.find(({ services }) => services.includes('app'))?.registryDigest;
}

const registry = await startRegistry();
const reference = `${registry.name}/tiny/app:1.0.0`;
const first = await push(reference, 'first');

t.test(
  'an image that the engine does not have is pulled, and its digest stands in the release',
  async (t) => {
    t.equal(await lab.engine.images.inspect(reference), undefined);
    const { code, stdout, stderr } = await build(reference);
    t.equal(code, 0, stdout + stderr);
    t.match(stdout, new RegExp(`✓ ${reference}: pulled, 1 new layer `));
    t.equal(await registryDigest(), first);
  },
);

t.test('what the engine has is taken from there, and --pull asks the registry again', async (t) => {
  await docker('tag', reference, `${lab.id}-old`);
  used.add(`${lab.id}-old`);
  const second = await push(reference, 'second');
  await docker('tag', `${lab.id}-old`, reference);
  const old = await build(reference);
  t.equal(old.code, 0, old.stderr);
  t.notMatch(old.stdout, /pulled/);
  t.equal(await registryDigest(), first);
  const fresh = await build(reference, ['--pull']);
  t.equal(fresh.code, 0, fresh.stderr);
  t.match(fresh.stdout, /: pulled, 1 new layer /);
  t.equal(await registryDigest(), second);
  t.match((await build(reference, ['--pull'])).stdout, /: pulled, nothing new/);
});

t.test('a reference with a digest is that image or an error', async (t) => {
  const byDigest = `${reference}@${first}`;
  used.add(byDigest);
  await docker('rmi', `${lab.id}-old`, `${registry.name}/tiny/app@${first}`);
  t.equal(await lab.engine.images.inspect(byDigest), undefined);
  t.equal((await build(byDigest)).code, 0);
  t.equal(await registryDigest(), first, 'though the tag stands for another by now');
  const nowhere = await build(`${reference}@sha256:${'0'.repeat(64)}`);
  t.equal(nowhere.code, 4);
  t.match(
    nowhere.stderr,
    /^error: Image ".*" is not in the local Docker Engine, and its registry has no such /,
  );
  const other = await build(byDigest, ['--image', `app=${reference}`]);
  t.equal(other.code, 3);
  t.match(other.stderr, /^error: The image .*:1\.0\.0 does not have the digest of .*@sha256:/);
});

t.test('a private registry is entered with what docker login kept', async (t) => {
  const users = join(lab.folder, 'users');
  // "tested-only", made for this test.
  await writeFile(users, 'vendor:$2b$04$PqV3xvABUgY7UCiR1UiT9.D/q2mhy0MVI/f4C03Cg7DAzXeW3sH7m\n');
  const shut = await startRegistry(`auth: { htpasswd: { realm: test, path: ${users} } }\n`);
  const login = join(lab.folder, 'login');
  await mkdir(login);
  const auth = Buffer.from('vendor:tested-only').toString('base64');
  await writeFile(join(login, 'config.json'), JSON.stringify({ auths: { [shut.name]: { auth } } }));
  const secret = `${shut.name}/tiny/app:1.0.0`;
  await docker('tag', reference, secret);
  used.add(secret);
  await docker('--config', login, 'push', secret);
  await docker('rmi', secret);
  const refused = await build(secret);
  t.equal(refused.code, 4);
  t.match(refused.stderr, /and its registry does not let us in\. .*\nnext: Use "docker login", /);
  const { code, stdout, stderr } = await build(secret, [], { DOCKER_CONFIG: login });
  t.equal(code, 0, stdout + stderr);
  t.notMatch(stdout + stderr + refused.stderr, /tested-only|dmVuZG9y/, 'the password is nowhere');
});

t.test('a registry that does not answer is said in one sentence, and nothing is left', async (t) => {
  await registry.stop();
  const before = await readdir(out);
  t.equal((await build(reference)).code, 0, 'what the engine has needs no registry');
  const anew = await build(reference, ['--pull']);
  t.equal(anew.code, 4);
  t.match(
    anew.stderr,
    /^error: .* could not be fetched anew, and its registry cannot be reached\. .*\n.*--pull out/,
  );
  const absent = await build(`${registry.name}/tiny/other:1`);
  t.equal(absent.code, 4);
  const sentence =
    /^error: Image ".*" is not in the local Docker Engine, and its registry cannot be reached\. \(.*\)\n/;
  t.match(absent.stderr, sentence);
  t.match(absent.stderr, /\nnext: Check the network, or bring the image with "docker load"\.\n/);
  t.strictSame(await readdir(out), before);
});
