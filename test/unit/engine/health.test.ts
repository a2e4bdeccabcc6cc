import t from 'tap';
import type { ContainerFacts } from '../../../src/engine/container-facts.ts';
import { judge } from '../../../src/engine/health.ts';

const facts = (change: Partial<ContainerFacts>): ContainerFacts => ({
  id: 'a',
  name: 'app-1',
  image: 'i',
  imageId: 'sha256:1',
  labels: {},
  oneOff: false,
  status: 'running',
  health: 'none',
  healthOutput: '',
  restarts: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  pid: 1,
  created: new Date(0),
  started: new Date(0),
  finished: undefined,
  networks: [],
  mounts: [],
  published: [],
  memoryLimitBytes: 0,
  terminal: false,
  ...change,
});
const fresh = { firstRestarts: 0, oomSeen: false, steadyMs: 0, unhealthyMs: 0 };
const rules = { restartLimit: 3, settleMs: 2_000, unhealthyLimitMs: 60_000 };

t.test('health decides where there is a check, time where there is none', async (t) => {
  t.equal(judge(facts({ health: 'healthy' }), fresh, rules).kind, 'ready');
  t.equal(judge(facts({ health: 'starting' }), { ...fresh, steadyMs: 60_000 }, rules).kind, 'waiting');
  t.equal(judge(facts({}), { ...fresh, steadyMs: 1_999 }, rules).kind, 'waiting');
  t.equal(judge(facts({}), { ...fresh, steadyMs: 2_000 }, rules).kind, 'ready');
});

t.test('unhealthy may still recover: it is waited for, with the check’s words', async (t) => {
  const verdict = judge(facts({ health: 'unhealthy', healthOutput: 'no db\nmore' }), fresh, rules);
  t.match(verdict, { kind: 'waiting', why: /unhealthy.*no db$/ });
});

t.test('one that stays unhealthy is given up', async (t) => {
  const ill = facts({ health: 'unhealthy', healthOutput: 'no db' });
  t.equal(judge(ill, { ...fresh, unhealthyMs: 59_999 }, rules).kind, 'waiting');
  t.match(judge(ill, { ...fresh, unhealthyMs: 60_000 }, rules), {
    reason: 'unhealthy',
    why: 'it has been unhealthy for 1 min; its last health check said: no db',
  });
});

t.test('what cannot become healthy is lost with its reason', async (t) => {
  t.match(judge(undefined, fresh, rules), { reason: 'removed' });
  t.match(judge(facts({ status: 'exited', exitCode: 0 }), fresh, rules), { reason: 'exited' });
  t.match(judge(facts({ status: 'created', error: 'no such file' }), fresh, rules), {
    reason: 'not-started',
  });
  t.match(judge(facts({ status: 'restarting', restarts: 3 }), fresh, rules), { reason: 'crash-loop' });
  t.match(judge(facts({ status: 'exited', oomKilled: true, exitCode: 137 }), fresh, rules), {
    reason: 'oom-killed',
  });
});

t.test('restarts before the wait are not held against it', async (t) => {
  const old = { ...fresh, firstRestarts: 12 };
  t.equal(judge(facts({ status: 'running', restarts: 13, health: 'healthy' }), old, rules).kind, 'ready');
  t.match(judge(facts({ status: 'restarting', restarts: 15 }), old, rules), { reason: 'crash-loop' });
});

t.test('an OOM kill inside a container that lives on is not its end', async (t) => {
  const seen = { ...fresh, oomSeen: true };
  t.equal(judge(facts({ health: 'healthy', oomKilled: true }), seen, rules).kind, 'ready');
  t.match(judge(facts({ restarts: 1 }), seen, rules), { reason: 'oom-killed' });
});

t.test('one that is not started yet, or is restarting, is waited for', async (t) => {
  t.equal(judge(facts({ status: 'created' }), fresh, rules).kind, 'waiting');
  t.equal(judge(facts({ status: 'restarting', restarts: 1 }), fresh, rules).kind, 'waiting');
});
