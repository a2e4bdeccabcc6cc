// Containers of the demo images for the stack's contract tests: random names, all of it removed at the end.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/base/process.ts';
import { connectEngine, type Engine } from '../../src/engine/index.ts';
import { DOCKER_HOST } from './engine-lab.ts';

export interface StackLab {
  readonly engine: Engine;
  readonly id: string;
  readonly folder: string;
  /** `docker run --detach` under the lab's label; returns the container's id. */
  start(options: readonly string[], image: string, cmd?: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export async function openStackLab(): Promise<StackLab> {
  const id = `t${randomBytes(5).toString('hex')}`;
  const label = `dev.onstead.test=${id}`;
  const folder = await mkdtemp(join(tmpdir(), 'onstead-stack-'));
  const engine = await connectEngine({ dockerHost: DOCKER_HOST });
  let count = 0;
  return {
    engine,
    id,
    folder,
    async start(options, image, cmd = []) {
      count += 1;
      const name = ['--name', `onstead-test-${id}-${count}`, '--label', label];
      const { stdout } = await run('docker', [
        'run',
        '--detach',
        '--pull',
        'never',
        ...name,
        ...options,
        image,
        ...cmd,
      ]);
      return stdout.trim();
    },
    async close() {
      for (const { id: container } of await engine.containers.list({ labels: [label] })) {
        await engine.containers.remove(container);
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The newest image of a demo repository here; the tests' set-up builds them. */
export async function demoImage(name: string): Promise<string> {
  const { stdout } = await run('docker', [
    'images',
    '--format',
    '{{.Repository}}:{{.Tag}}',
    `onstead-demo/${name}`,
  ]);
  const image = stdout
    .split('\n')
    .find(
      (line) =>
        line.startsWith(`onstead-demo/${name}:`) && !line.includes(':sha256-') && !line.endsWith('<none>'),
    );
  if (image === undefined)
    throw new Error(
      `There is no image onstead-demo/${name}; run node_modules/.bin/node compose/images/build.ts.`,
    );
  return image;
}
