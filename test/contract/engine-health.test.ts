import t from 'tap';
import type { HealthState } from '../../src/engine/index.ts';
import { openLab } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());
const { containers } = lab.engine;

const check = (command: string): readonly string[] => [
  '--health-cmd',
  command,
  '--health-interval',
  '500ms',
  '--health-timeout',
  '2s',
  '--health-retries',
  '2',
];

t.test('containers that become healthy are waited for, and each change is told', async (t) => {
  const slow = await lab.start(['sh', '-c', 'sleep 1; touch /tmp/up; sleep 300'], check('test -e /tmp/up'));
  const plain = await lab.start(['sleep', '300']);
  const states: HealthState[] = [];
  const facts = await containers.waitHealthy([slow, plain], {
    timeoutMs: 20_000,
    settleMs: 500,
    onState: (state) => void states.push(state),
  });
  t.match(facts, [
    { id: slow, health: 'healthy' },
    { id: plain, health: 'none', status: 'running' },
  ]);
  t.match(
    states.filter(({ id }) => id === slow).map(({ ready }) => ready),
    [false, true],
  );
});

t.test(
  'one that never gets healthy fails at the time limit with its check’s words and its last lines',
  async (t) => {
    const id = await lab.start(['sh', '-c', 'echo I am here; sleep 300'], check('echo no database; false'));
    const began = Date.now();
    await t.rejects(containers.waitHealthy([id], { timeoutMs: 3_000 }), {
      code: 'engine.not-healthy',
      message: /not healthy in time.*no database/,
      details: [{ reason: 'timeout', message: 'I am here' }],
    });
    t.ok(Date.now() - began < 6_000);
  },
);

t.test('one that stays unhealthy is given up long before the time limit', async (t) => {
  const id = await lab.start(['sh', '-c', 'echo I am here; sleep 300'], check('echo no database; false'));
  const began = Date.now();
  await t.rejects(containers.waitHealthy([id], { timeoutMs: 120_000, unhealthyLimitMs: 2_000 }), {
    code: 'engine.not-healthy',
    message: /will not become healthy: it has been unhealthy for .* s; .*no database\.$/,
    details: [{ reason: 'unhealthy', message: 'I am here' }],
  });
  t.ok(Date.now() - began < 20_000, `after ${Date.now() - began} ms`);
});

t.test('one that was unhealthy for a moment is still waited for', async (t) => {
  const id = await lab.start(['sh', '-c', 'sleep 4; touch /tmp/up; sleep 300'], check('test -e /tmp/up'));
  const seen = new Set<string>();
  const onState = ({ health }: HealthState): void => void seen.add(health);
  await containers.waitHealthy([id], { timeoutMs: 60_000, unhealthyLimitMs: 30_000, onState });
  t.ok(seen.has('unhealthy') && seen.has('healthy'), [...seen].join(', '));
});

t.test('one that ends fails at once with its exit code and its last lines', async (t) => {
  const good = await lab.start(['sleep', '300']);
  const id = await lab.start(['sh', '-c', 'sleep 0.5; echo cannot read config >&2; exit 3'], check('true'));
  const began = Date.now();
  await t.rejects(containers.waitHealthy([good, id], { timeoutMs: 60_000, settleMs: 60_000 }), {
    code: 'engine.not-healthy',
    message: /exit code 3/,
    details: [{ reason: 'exited', exitCode: 3, message: 'cannot read config' }],
  });
  t.ok(Date.now() - began < 10_000, `after ${Date.now() - began} ms`);
});

t.test('one killed for its memory is named so, also where it is restarted each time', async (t) => {
  const eat = ['sh', '-c', 'sleep 0.3; /bin/busybox tail /dev/zero'];
  for (const restart of ['no', 'always']) {
    const id = await lab.start(eat, ['--memory', '6m', '--memory-swap', '6m', '--restart', restart]);
    await t.rejects(
      containers.waitHealthy([id], { timeoutMs: 60_000, settleMs: 60_000 }),
      {
        code: 'engine.not-healthy',
        message: /6 MB of memory/,
        next: /memory/,
        details: [{ reason: 'oom-killed' }],
      },
      `restart policy ${restart}`,
    );
    await containers.remove(id);
  }
});

t.test('one that crashes again and again is a crash loop, long before the time limit', async (t) => {
  const id = await lab.start(['sh', '-c', 'echo boom; exit 9'], ['--restart', 'always']);
  const began = Date.now();
  await t.rejects(containers.waitHealthy([id], { timeoutMs: 60_000, settleMs: 60_000, restartLimit: 3 }), {
    code: 'engine.not-healthy',
    message: /restarted \d+ times.*exit code 9/,
    details: [{ reason: 'crash-loop' }],
  });
  t.ok(Date.now() - began < 20_000);
  await containers.remove(id);
});

t.test('one that is removed meanwhile is no longer waited for', async (t) => {
  const id = await lab.start(['sleep', '300'], check('false'));
  setTimeout(() => void containers.remove(id), 500);
  await t.rejects(containers.waitHealthy([id], { timeoutMs: 60_000 }), {
    code: 'engine.not-healthy',
    message: /it was removed/,
  });
});

t.test('waiting is cut by its signal', async (t) => {
  const id = await lab.start(['sleep', '300'], check('false'));
  const signal = AbortSignal.timeout(500);
  await t.rejects(containers.waitHealthy([id], { timeoutMs: 60_000, signal }), { name: 'TimeoutError' });
});
