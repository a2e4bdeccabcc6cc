import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { isRetryable, openCompose } from '../../src/engine/index.ts';
import type { Compose, ComposeOptions, ComposeProgress } from '../../src/engine/index.ts';
import { run } from '../../src/base/process.ts';
import { openLab } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());
const { containers } = lab.engine;

const FILE = (extra = ''): string => `
name: ${lab.id}
services:
  app:
    image: ${lab.image}
    command: [sh, -c, "echo up; sleep 300"]
    init: true
    labels: { dev.onstead.test: ${lab.id} }
    healthcheck: { test: [CMD, "/bin/true"], interval: 1s }
${extra}
networks:
  default: { labels: { dev.onstead.test: ${lab.id} } }
volumes:
  data: { labels: { dev.onstead.test: ${lab.id} } }
`;

let count = 0;
async function project(text: string, options: Partial<ComposeOptions> = {}): Promise<Compose> {
  const folder = join(lab.folder, `stack-${(count += 1)}`);
  await mkdir(folder);
  await writeFile(join(folder, 'compose.yaml'), text);
  return openCompose({ folder, dockerHost: lab.engine.dockerHost, ...options });
}

/** By hand, as a person would: the appliance itself takes away what it made one by one. */
async function takeDown(): Promise<void> {
  await run('docker', ['compose', '--project-name', lab.id, 'down', '--volumes', '--timeout', '0']);
}

async function pluginPath(): Promise<string> {
  const { stdout } = await run('docker', [
    'info',
    '--format',
    '{{range .ClientInfo.Plugins}}{{.Name}} {{.Path}}\n{{end}}',
  ]);
  return stdout
    .split('\n')
    .find((line) => line.startsWith('compose '))!
    .split(' ')[1]!;
}

t.test('the program tells its version, as a plugin and standalone', async (t) => {
  const version = /^\d+\.\d+\.\d+$/;
  t.match(await (await project(FILE())).version(), version);
  t.match(await (await project(FILE(), { composeBinary: await pluginPath() })).version(), version);
});

t.test('the model is the resolved file', async (t) => {
  const compose = await project(FILE());
  const model = await compose.config();
  t.match(model, {
    name: lab.id,
    services: { app: { image: lab.image, command: ['sh', '-c', 'echo up; sleep 300'] } },
  });
});

t.test('a file that does not parse is an error with the line, in one sentence', async (t) => {
  const compose = await project('services: [');
  await t.rejects(compose.config(), {
    code: 'compose.failed',
    message: /^Could not read the stack: .*yaml.*line 1/,
  });
});

t.test('a service that is not there is an error', async (t) => {
  const compose = await project(FILE());
  await t.rejects(compose.up({ services: ['nobody'] }), {
    code: 'compose.failed',
    message: /no such service: nobody/,
  });
});

t.test('a stack goes up with progress, is listed, and is started again', async (t) => {
  for (const binary of [undefined, await pluginPath()]) {
    const compose = await project(FILE(), binary === undefined ? {} : { composeBinary: binary });
    const seen: ComposeProgress[] = [];
    await compose.up({ wait: true, waitTimeoutSeconds: 30, onProgress: (step) => void seen.push(step) });
    t.match(
      seen.filter(({ name }) => name === `${lab.id}-app-1`),
      [
        { kind: 'container', status: 'Creating' },
        { status: 'Created' },
        { status: 'Starting' },
        { status: 'Started' },
      ],
    );
    t.match(await compose.ps(), [
      { service: 'app', name: `${lab.id}-app-1`, status: 'running', health: 'healthy' },
    ]);
    t.match(await containers.list({ project: lab.id }), [{ service: 'app', number: 1, health: 'healthy' }]);
    const [app] = await containers.list({ project: lab.id });
    await containers.stop(app!.id, { timeoutSeconds: 0 });
    t.match(await compose.ps(), [{ status: 'exited' }]);
    await compose.start({ services: ['app'] });
    t.match(await compose.ps(), [{ name: app!.name, status: 'running' }]);
    await takeDown();
    t.same(await compose.ps(), []);
  }
});

t.test('new replicas start beside the old ones, which are not touched', async (t) => {
  const compose = await project(FILE());
  t.teardown(takeDown);
  await compose.up({ scale: { app: 2 } });
  const before = await containers.list({ project: lab.id });
  const started = async (id: string): Promise<unknown> => (await containers.inspect(id))?.started;
  const starts = await Promise.all(before.map(({ id }) => started(id)));
  // A changed definition, as of a new release, would replace them without `noRecreate`.
  await writeFile(join(lab.folder, `stack-${count}`, 'compose.yaml'), FILE().replace('echo up', 'echo new'));
  await compose.up({ services: ['app'], noDeps: true, noRecreate: true, scale: { app: 3 } });
  const after = await containers.list({ project: lab.id });
  t.equal(after.length, 3);
  t.same(after.filter(({ id }) => before.some((old) => old.id === id)).length, 2);
  t.same(await Promise.all(before.map(({ id }) => started(id))), starts, 'not even restarted');
  const [fresh] = after.filter(({ id }) => before.every((old) => old.id !== id));
  const lines: string[] = [];
  await containers.waitHealthy([fresh!.id], { timeoutMs: 20_000 });
  for await (const { line } of containers.logs(fresh!.id)) lines.push(line);
  t.same(lines, ['new'], 'and the new one is new');
});

t.test('an image that is not there is a clear error, and nothing is pulled', async (t) => {
  const compose = await project(FILE().replace(`image: ${lab.image}`, `image: 127.0.0.1:1/none:${lab.id}`));
  t.teardown(takeDown);
  const seen: ComposeProgress[] = [];
  await t.rejects(compose.up({ onProgress: (step) => void seen.push(step) }), {
    code: 'compose.failed',
    message: new RegExp(`^Could not start the stack: .*No such image: 127\\.0\\.0\\.1:1/none:${lab.id}$`),
    next: /Load the bundle/,
  });
  t.notMatch(JSON.stringify(seen), 'Pulling');
});

t.test('a service that never gets healthy fails the wait with its exit code kept', async (t) => {
  const compose = await project(FILE().replace('"/bin/true"', '"/bin/false"'));
  t.teardown(takeDown);
  await t.rejects(compose.up({ wait: true, waitTimeoutSeconds: 20 }), {
    code: 'compose.failed',
    message: /unhealthy/,
    details: [{ exitCode: 1 }],
  });
});

t.test('a port that is taken is named with what to do', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const compose = await project(FILE(`    ports: ["127.0.0.1:${port}:80"]`));
  t.teardown(takeDown);
  await t.rejects(compose.up(), {
    code: 'compose.failed',
    message: new RegExp(String(port)),
    next: /ss -ltnp/,
  });
});

t.test('applying is cut by its signal', async (t) => {
  const slow =
    '    depends_on: { never: { condition: service_healthy } }\n' +
    `  never: { image: "${lab.image}", command: [sleep, "300"], init: true, labels: { dev.onstead.test: ${lab.id} }, healthcheck: { test: [CMD, /bin/false], interval: 60s, start_period: 60s } }`;
  const compose = await project(FILE(slow));
  t.teardown(takeDown);
  await t.rejects(compose.up({ signal: AbortSignal.timeout(2_000) }), { name: 'TimeoutError' });
});

t.test('an engine that is not there is a lost call, which may be tried again', async (t) => {
  const compose = await project(FILE(), { dockerHost: `unix://${lab.folder}/none.sock` });
  const error = await compose.up().catch((e: unknown) => e);
  t.match(error, { code: 'engine.lost', next: /(systemctl status docker|service docker status)/ });
  t.equal(isRetryable(error), true);
});

t.test('nothing of our own environment reaches Compose but PATH and HOME', async (t) => {
  process.env['ONSTEAD_TEST_SECRET'] = 'leaked';
  t.teardown(() => delete process.env['ONSTEAD_TEST_SECRET']);
  const compose = await project(
    FILE('    environment: { A: "${ONSTEAD_TEST_SECRET:-none}", B: "${GIVEN:-none}" }'),
    {
      env: { GIVEN: 'given' },
    },
  );
  t.match(await compose.config(), { services: { app: { environment: { A: 'none', B: 'given' } } } });
});

t.test('a Compose that is missing or too old is refused with what to install', async (t) => {
  const missing = await project(FILE(), { composeBinary: '/nowhere/docker-compose' });
  await t.rejects(missing.up(), { code: 'compose.missing', next: /Install/ });
  const old = join(lab.folder, 'old-compose');
  await writeFile(old, '#!/bin/sh\necho 1.29.2\n');
  await chmod(old, 0o755);
  const compose = await project(FILE(), { composeBinary: old });
  await t.rejects(compose.up(), { code: 'compose.too-old', message: /1\.29\.2/, next: /Install/ });
});

t.test('an older Compose that knows no JSON progress still works', async (t) => {
  // The real program, which here says that it is older and, as that one would, refuses the newer flag.
  const older = join(lab.folder, 'older-compose');
  const real = await pluginPath();
  const script = `#!/bin/sh
case "$*" in
  "version --short") echo 2.26.1; exit 0;;
  *"--progress json"*) echo 'unsupported --progress value "json"' >&2; exit 1;;
esac
exec ${real} "$@"
`;
  await writeFile(older, script);
  await chmod(older, 0o755);
  const compose = await project(FILE(), { composeBinary: older });
  t.teardown(takeDown);
  const seen: ComposeProgress[] = [];
  await compose.up({ onProgress: (step) => void seen.push(step) });
  t.match(seen.filter(({ kind }) => kind === 'container').at(-1), {
    name: `${lab.id}-app-1`,
    status: 'Started',
  });
  await t.rejects(compose.up({ services: ['nobody'] }), { message: /no such service: nobody/ });
});
