// What a plan says of a data service that somebody stopped, before anybody agrees to it.

import t from 'tap';
import type { DeployTools } from '../../../src/deploy/index.ts';
import {
  downBeforeRollback,
  downBeforeUpgrade,
  downServices,
  howOf,
} from '../../../src/deploy/upgrade/preview/down-services.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { releaseText } from '../stack/lab.ts';

const well = { status: 'running', health: 'healthy' };

t.test('how a service is follows from its container', async (t) => {
  const cases = [
    [[], 'missing'],
    [[{ ...well, status: 'exited' }], 'stopped'],
    [[{ ...well, status: 'paused' }], 'paused'],
    [[{ ...well, health: 'starting' }], 'starting'],
    [[{ ...well, health: 'unhealthy' }], 'ill'],
    [[well], undefined],
    [[{ ...well, status: 'exited' }, well], undefined],
  ] as const;
  for (const [containers, how] of cases) t.equal(howOf(containers), how, JSON.stringify(containers));
});

t.test('only data services are asked after', async (t) => {
  const list = async ({ service }: { service: string }) =>
    service === 'redis'
      ? [{ status: 'exited', health: 'none', oneOff: false }]
      : [{ ...well, oneOff: false }];
  const tools = { engine: async () => ({ containers: { list } }) } as unknown as DeployTools;
  const { services } = parseRelease(releaseText, 'compose.yaml');
  t.strictSame(await downServices(tools, 'trial', services), [
    { service: 'redis', role: 'redis', how: 'stopped' },
  ]);
});

t.test('a stopped MySQL is said to be stopped, what starts it, and what follows', async (t) => {
  const mysql = { service: 'mysql', role: 'mysql', how: 'stopped' } as const;
  t.match(
    downBeforeUpgrade(mysql, []),
    /^mysql is stopped; start it with `onstead boot`\. Else the upgrade begins by bringing it up.*copy/,
  );
  t.match(downBeforeRollback(mysql), /^mysql is stopped; start it with `onstead boot`\. .* not counted/);
});

t.test('a stopped Redis is started only where it is replaced', async (t) => {
  const redis = { service: 'redis', role: 'redis', how: 'stopped' } as const;
  t.match(downBeforeUpgrade(redis, ['redis']), /Else it is started before it is replaced\.$/);
  t.match(downBeforeUpgrade(redis, []), /leaves it as it is: .* all is taken back\.$/);
});

t.test('what runs and does not answer is looked into', async (t) => {
  const minio = { service: 'minio', role: 'minio', how: 'ill' } as const;
  t.match(
    downBeforeUpgrade(minio, []),
    /^minio runs and does not answer; see why with `onstead logs minio`\. /,
  );
});
