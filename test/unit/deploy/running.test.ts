// How many replicas there are before anything is done to them.

import t from 'tap';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { replicasOf } from '../../../src/deploy/upgrade/running.ts';

t.test('a paused replica is one of those that the way back brings back', async (t) => {
  const all = [
    { service: 'app', status: 'running', oneOff: false },
    { service: 'app', status: 'paused', oneOff: false },
    { service: 'app', status: 'restarting', oneOff: false },
    { service: 'app', status: 'exited', oneOff: false },
    { service: 'app', status: 'running', oneOff: true },
    { service: 'redis', status: 'running', oneOff: false },
  ];
  const list = async ({ status }: { status: readonly string[] }) =>
    all.filter((one) => status.includes(one.status));
  const tools = { engine: async () => ({ containers: { list } }) } as unknown as DeployTools;
  t.strictSame(await replicasOf(tools, 'trial'), { app: 3, redis: 1 });
});
