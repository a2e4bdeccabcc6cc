// A process that holds requests for a minute, to be killed meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { connectEngine } from '../../src/engine/index.ts';
import { holdRequests } from '../../src/stack/index.ts';
import { DOCKER_HOST } from './engine-lab.ts';

const { project, stackFolder } = JSON.parse(process.argv[2] ?? '{}') as {
  project: string;
  stackFolder: string;
};
const engine = await connectEngine({ dockerHost: DOCKER_HOST });
const app = { name: 'app', port: 3000 };
const edge = { engine, clock: systemClock, project, service: 'nginx', app, stackFolder };
await holdRequests(edge, { limitMs: 60_000, signal: new AbortController().signal }, async () => {
  process.stdout.write('holding\n');
  await sleep(60_000);
});
