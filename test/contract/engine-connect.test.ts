import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { connectEngine, isRetryable } from '../../src/engine/index.ts';
import { run } from '../../src/base/process.ts';

const folder = await mkdtemp(join(tmpdir(), 'onstead-connect-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

let count = 0;
async function listening<S extends Server>(server: S): Promise<string> {
  const path = join(folder, `${(count += 1)}.sock`);
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return path;
}

const answering = (answer: RequestListener): Promise<string> => listening(createHttpServer(answer));

const json =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

t.test('a running engine tells what it is, as its own program sees it', async (t) => {
  const engine = await connectEngine();
  const info = await engine.info();
  const { stdout } = await run('docker', [
    'info',
    '--format',
    '{{.ServerVersion}}|{{.Driver}}|{{.DockerRootDir}}|{{.CgroupVersion}}|{{.NCPU}}|{{.MemTotal}}',
  ]);
  const [version, driver, root, cgroup, cpus, memory] = stdout.trim().split('|');
  t.match(info, {
    version,
    storageDriver: driver,
    dataRoot: root,
    cgroupVersion: Number(cgroup),
    cpus: Number(cpus),
    memoryBytes: Number(memory),
  });
  const { stdout: api } = await run('docker', ['version', '--format', '{{.Server.APIVersion}}']);
  t.equal(info.apiVersion, api.trim(), 'the engine here knows no more than we do, so its newest is spoken');
  t.equal(engine.dockerHost, 'unix:///var/run/docker.sock');
  t.equal(await engine.isUp(), true);
});

t.test('DOCKER_HOST of this process does not lead a named socket astray', async (t) => {
  process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
  t.teardown(() => delete process.env['DOCKER_HOST']);
  const engine = await connectEngine({ socketPath: '/var/run/docker.sock' });
  t.equal(await engine.isUp(), true);
});

t.test('a socket that does not exist is named with what to do', async (t) => {
  const error = await connectEngine({ socketPath: join(folder, 'none.sock') }).catch((e: unknown) => e);
  t.match(error, { code: 'engine.unreachable', message: /the socket does not exist/, next: /Install/ });
  t.equal(isRetryable(error), true);
});

t.test('a socket that nobody listens on says that the engine is not running', async (t) => {
  const script = `require('net').createServer().listen(${JSON.stringify(join(folder, 'dead.sock'))},()=>process.kill(process.pid,'SIGKILL'))`;
  await run(process.execPath, ['-e', script], { accept: [-1] });
  const error = await connectEngine({ socketPath: join(folder, 'dead.sock') }).catch((e: unknown) => e);
  t.match(error, {
    code: 'engine.unreachable',
    message: /not running/,
    next: /"(systemctl start docker|service docker start)"/,
  });
});

t.test('a file that is no socket is refused', async (t) => {
  await writeFile(join(folder, 'file'), '');
  await t.rejects(connectEngine({ socketPath: join(folder, 'file') }), { code: 'engine.unreachable' });
});

t.test('a port that nobody listens on is unreachable', async (t) => {
  await t.rejects(connectEngine({ dockerHost: 'tcp://127.0.0.1:1' }), {
    code: 'engine.unreachable',
    message: /127\.0\.0\.1:1 is not running/,
  });
});

t.test('an address that is none is refused before anything is tried', async (t) => {
  await t.rejects(connectEngine({ dockerHost: 'ssh://box' }), { code: 'engine.address' });
});

t.test('a socket that accepts and never answers is given up on in time', async (t) => {
  const sockets = new Set<{ destroy(): void }>();
  const socketPath = await listening(createServer((socket) => void sockets.add(socket)));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  const began = Date.now();
  await t.rejects(connectEngine({ socketPath, timeoutMs: 400 }), {
    code: 'engine.unreachable',
    message: /did not answer within 0\.4 s/,
  });
  t.ok(Date.now() - began < 3_000);
});

t.test('Podman posing as Docker is refused', async (t) => {
  const socketPath = await answering(
    json({ Version: '4.3.1', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] }),
  );
  await t.rejects(connectEngine({ socketPath }), { code: 'engine.not-docker' });
});

t.test('a web server that is no engine is refused', async (t) => {
  const page = await answering((_request, response) => void response.end('<html>'));
  await t.rejects(connectEngine({ socketPath: page }), { code: 'engine.not-docker' });
  const missing = await answering(json({ message: 'page not found' }, 404));
  await t.rejects(connectEngine({ socketPath: missing }), { code: 'engine.not-docker' });
});

t.test('a server that speaks no HTTP is refused', async (t) => {
  const socketPath = await listening(createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
  await t.rejects(connectEngine({ socketPath }), { code: 'engine.not-docker' });
});

t.test('an engine older than 20.10 is refused with both versions', async (t) => {
  const socketPath = await answering(
    json({ Version: '19.03.15', ApiVersion: '1.40', MinAPIVersion: '1.12' }),
  );
  await t.rejects(connectEngine({ socketPath }), {
    code: 'engine.too-old',
    message: /19\.03\.15.*1\.40.*1\.41/,
  });
});

t.test('an engine upgraded under us is negotiated with again, unnoticed', async (t) => {
  let upgraded = false;
  const asked: string[] = [];
  const socketPath = await answering((request, response) => {
    asked.push(request.url ?? '');
    const version = upgraded
      ? { Version: '29.0.0', ApiVersion: '1.99', MinAPIVersion: '1.44' }
      : { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' };
    if (request.url === '/version') return json(version)(request, response);
    if (upgraded && request.url?.startsWith('/v1.41/')) {
      const message = 'client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade';
      return json({ message }, 400)(request, response);
    }
    json([])(request, response);
  });
  const engine = await connectEngine({ socketPath });
  t.same(await engine.containers.list(), []);
  upgraded = true;
  t.same(await engine.containers.list(), []);
  const paths = asked.map((url) => url.split('?')[0]);
  t.same(paths, [
    '/version',
    '/v1.41/containers/json',
    '/v1.41/containers/json',
    '/version',
    '/v1.52/containers/json',
  ]);
});

t.test('a connection that is cut in the middle of an answer is lost, and may be tried again', async (t) => {
  const socketPath = await answering((request, response) => {
    if (request.url === '/version') {
      return json({ Version: '20.10.24', ApiVersion: '1.41' })(request, response);
    }
    response.writeHead(200, { 'content-length': '1000' });
    response.write('[{"Id":"half');
    setTimeout(() => response.destroy(), 50);
  });
  const engine = await connectEngine({ socketPath });
  const error = await engine.containers.list().catch((e: unknown) => e);
  t.match(error, { code: 'engine.lost' });
  t.equal(isRetryable(error), true);
});
