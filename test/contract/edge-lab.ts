// A real edge of its own: the holder and nginx as Onstead's files make them, before two replicas of a small app. Its
// own Compose project and ports; all of it removed at the end.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../../src/base/clock.ts';
import { writeFileAtomic } from '../../src/base/files.ts';
import { run } from '../../src/base/process.ts';
import { connectEngine, openCompose, type Compose, type Engine } from '../../src/engine/index.ts';
import {
  certificateSecrets,
  ensureCertificates,
  SecretStore,
  type Edge,
  type EdgeServer,
} from '../../src/stack/index.ts';
import { overrideOf, releaseWith, renderText, settings } from '../unit/stack/lab.ts';
import { DOCKER_HOST } from './engine-lab.ts';
import type { LoadQuestion, LoadSeen } from './edge-load.ts';
import { demoImage } from './stack-lab.ts';

const fixtures = new URL('.', import.meta.url).pathname;
const loadProgram = join(fixtures, 'edge-load.ts');

export interface EdgeLab {
  readonly engine: Engine;
  readonly edge: Edge;
  readonly compose: Compose;
  readonly httpsPort: number;
  readonly folder: string;
  readonly stackFolder: string;
  readonly secretsFolder: string;
  /** What the app's replicas find at `/lab` and look at for each request. */
  readonly appFolder: string;
  replicas(): Promise<EdgeServer[]>;
  /** nginx as its files would make it now, but with this label: a container that Compose wants to replace. */
  change(label: string): Promise<void>;
  load(question?: Partial<LoadQuestion>): Load;
  renewCertificate(): Promise<void>;
  close(): Promise<void>;
}

export interface Load {
  /** Seen so far, without an end. */
  stop(): Promise<LoadSeen>;
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0), 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports as [number, number];
}

export async function openEdgeLab(replicas = 2): Promise<EdgeLab> {
  const project = `onstead-test-e${randomBytes(4).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'onstead-edge-'));
  await chmod(folder, 0o755);
  const [stackFolder, unsealedFolder, appFolder] = ['stack', 'unsealed', 'app'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const secretsFolder = join(unsealedFolder, 'nginx');
  for (const one of [stackFolder, secretsFolder, appFolder]) await mkdir(one, { recursive: true });
  const [httpPort, httpsPort] = await freePorts();
  const images = { app: await demoImage('notes'), nginx: await demoImage('nginx') };
  const releaseText = releaseWith('');
  const files = renderText(releaseText, {
    project,
    images,
    holderImage: images.nginx,
    unsealedFolder,
    settings: { ...settings, edge: { ...settings.edge, address: '127.0.0.1', httpPort, httpsPort } },
  });
  await mkdir(join(stackFolder, 'config/nginx'), { recursive: true });
  for (const name of ['nginx.conf', 'upstreams.conf']) {
    const path = join('config/nginx', name);
    await writeFile(join(stackFolder, path), files.get(path)!);
  }
  await writeFile(join(appFolder, 'edge-app.ts'), await readFile(join(fixtures, 'edge-app.ts')));
  const override = overrideOf(files);
  const app = {
    image: images.app,
    command: ['node', '/lab/edge-app.ts'],
    init: true,
    volumes: [`${appFolder}:/lab:ro`],
    networks: { front: {} },
    healthcheck: { disable: true },
    deploy: { replicas },
    stop_grace_period: '1s',
  };
  // What is taken away with null in a second file does not stand in a first one; the sizes are of another machine.
  const nginx = Object.fromEntries(
    Object.entries(override['services']!['nginx'] as object).filter(
      ([key, value]) => value !== null && value !== 'null' && key !== 'deploy' && key !== 'memswap_limit',
    ),
  );
  const write = (labels: object): Promise<void> =>
    writeFile(
      join(stackFolder, 'compose.override.yaml'),
      JSON.stringify({
        name: project,
        services: {
          app,
          nginx: { ...nginx, labels },
          'onstead-edge': override['services']!['onstead-edge'],
        },
        networks: { public: override['networks']!['public'], front: override['networks']!['front'] },
      }),
    );
  await writeFile(join(stackFolder, 'compose.yaml'), releaseText);
  await write({});

  const store = await SecretStore.open({
    folder: join(folder, 'store'),
    machineKeyPath: join(folder, 'key'),
    clock: systemClock,
  });
  const writeCertificate = async (): Promise<void> => {
    await ensureCertificates(store, ['localhost'], systemClock);
    for (const name of [certificateSecrets.server, certificateSecrets.serverKey])
      await writeFileAtomic(join(secretsFolder, name), store.get(name), { mode: 0o444 });
  };
  await writeCertificate();

  const engine = await connectEngine({ dockerHost: DOCKER_HOST });
  const compose = openCompose({ folder: stackFolder, dockerHost: engine.dockerHost });
  const edge: Edge = {
    engine,
    clock: systemClock,
    project,
    service: 'nginx',
    app: { name: 'app', port: 3000 },
    stackFolder,
  };
  const loads = new Set<() => void>();
  const lab: EdgeLab = {
    ...{ engine, edge, compose, httpsPort, folder, stackFolder, secretsFolder, appFolder },
    async replicas() {
      const all = await engine.containers.list({ project, service: 'app', status: ['running'] });
      return all.map(({ id: replica, networks }) => {
        return { address: networks[0]!.ipv4!, port: 3000, weight: 1, replica };
      });
    },
    change: (label) => write({ 'onstead.lab': label }),
    load: (question = {}) => startLoad({ port: httpsPort, users: 8, pauseMs: 10, ...question }, loads),
    async renewCertificate() {
      await store.remove([certificateSecrets.server, certificateSecrets.serverKey]);
      await writeCertificate();
    },
    async close() {
      for (const end of loads) end();
      for (const { id } of await engine.containers.list({ project })) await engine.containers.remove(id);
      await run('docker', ['compose', 'down', '--timeout', '1', '--remove-orphans'], { cwd: stackFolder });
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await compose.up();
    const nginxs = await engine.containers.list({ project, service: 'nginx' });
    await engine.containers.waitHealthy(
      nginxs.map(({ id }) => id),
      { timeoutMs: 60_000 },
    );
  } catch (error) {
    await lab.close();
    throw error;
  }
  return lab;
}

function startLoad(question: LoadQuestion, loads: Set<() => void>): Load {
  const child = spawn(process.execPath, [loadProgram, JSON.stringify(question)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const end = (): void => void child.kill('SIGKILL');
  loads.add(end);
  const said = text(child.stdout);
  const closed = once(child, 'close');
  return {
    async stop() {
      child.stdin.end();
      await closed;
      loads.delete(end);
      return JSON.parse(await said) as LoadSeen;
    },
  };
}
