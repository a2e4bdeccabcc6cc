// A real engine for the engine room's tests: one tiny image (a static busybox), everything labelled at random, and
// all of it removed at the end.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/base/process.ts';
import type { Engine } from '../../src/engine/index.ts';
import { connectEngine } from '../../src/engine/index.ts';
import { debianProgram } from './debian-program.ts';

/** The engine that the docker program here would use too, so that one run can be pointed at another version. */
export const DOCKER_HOST = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';

export interface Lab {
  readonly engine: Engine;
  /** Random; in every name. */
  readonly id: string;
  readonly label: string;
  readonly image: string;
  readonly folder: string;
  /** `docker run --detach` with the lab's label and no network; returns the container's id. */
  start(cmd: readonly string[], options?: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

const APPLETS = [
  'sh',
  'sleep',
  'cat',
  'echo',
  'wc',
  'true',
  'false',
  'test',
  'id',
  'dd',
  'tail',
  'touch',
  'kill',
  'seq',
  'head',
  'md5sum',
];

export async function openLab(): Promise<Lab> {
  const id = `t${randomBytes(5).toString('hex')}`;
  const label = `dev.onstead.test=${id}`;
  const image = `onstead-test-engine:${id}`;
  const folder = await mkdtemp(join(tmpdir(), 'onstead-engine-'));
  await makeImage(folder, image, label);
  const engine = await connectEngine({ dockerHost: DOCKER_HOST });
  return {
    engine,
    id,
    label,
    image,
    folder,
    async start(cmd, options = []) {
      const network = options.includes('--network') ? [] : ['--network', 'none'];
      const all = ['run', '--detach', '--label', label, ...network, ...options, image, ...cmd];
      const { stdout } = await run('docker', all);
      return stdout.trim();
    },
    async close() {
      for (const { id: container } of await engine.containers.list({ labels: [label] })) {
        await engine.containers.remove(container);
      }
      for (const { name } of await engine.networks.list({ labels: [label] }))
        await engine.networks.remove(name);
      for (const { name } of await engine.volumes.list({ labels: [label] }))
        await engine.volumes.remove(name);
      await engine.images.remove(image, { force: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeImage(folder: string, image: string, label: string): Promise<void> {
  const root = join(folder, 'root');
  await mkdir(join(root, 'bin'), { recursive: true });
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
  await copyFile(await debianProgram('busybox-static', 'bin/busybox'), join(root, 'bin/busybox'));
  for (const applet of APPLETS) await symlink('busybox', join(root, 'bin', applet));
  const archive = join(folder, 'root.tar');
  await run('tar', ['--create', '--file', archive, '--directory', root, '.']);
  await run('docker', ['import', '--change', `LABEL ${label}`, '--change', 'USER 0', archive, image]);
  await rm(root, { recursive: true });
}

/** A socket of our own before the engine's, that can be cut without touching the engine. */
export interface Proxy {
  readonly socketPath: string;
  /** Every open connection ends, as when the engine dies; new ones are refused until `heal`. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function openProxy(folder: string): Promise<Proxy> {
  const socketPath = join(folder, `p${randomBytes(3).toString('hex')}.sock`);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  let server: Server;
  const listen = async (): Promise<void> => {
    server = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ path: DOCKER_HOST.replace('unix://', ''), allowHalfOpen: true });
      keep(client);
      keep(upstream);
      client.pipe(upstream);
      upstream.pipe(client);
    }).listen(socketPath);
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen();
  return { socketPath, cut, heal: listen, close: () => cut().catch(() => {}) };
}

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
