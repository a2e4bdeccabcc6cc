// The API answers as its schemas say, and every refusal is one sentence with a code: never a stack trace.

import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { operationOf } from '../journal/lab.ts';
import { openApi } from './appliance-double.ts';

const lines = (body: string): Record<string, unknown>[] =>
  body
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

t.test('what runs here and how it is', async (t) => {
  const { server } = await openApi(t);
  t.match((await server.inject('/api/version')).json(), { onstead: '1.2.3', node: '26.0.0' });
  t.match((await server.inject('/api/status')).json(), {
    sentence: 'Notes is well.',
    well: true,
    release: null,
  });
  t.strictSame((await server.inject('/api/services')).json(), []);
  t.strictSame((await server.inject('/api/operations')).json(), []);
});

t.test('an answer holds what its schema names and no more', async (t) => {
  const extra = { onstead: '1', node: '26', startedAt: 'now', password: 'hunter2' };
  const { server } = await openApi(t, { version: () => extra });
  t.strictSame((await server.inject('/api/version')).json(), { onstead: '1', node: '26', startedAt: 'now' });
});

t.test('an operation is shown with its steps and without their inputs', async (t) => {
  const { server, journal } = await openApi(t);
  const { id } = journal.create({ ...operationOf('one', 'two'), input: { token: 'hunter2' } });
  journal.move(id, 'running');
  journal.settle(id, 1, 'failed', {
    error: new OnsteadError('test.broken', 'It broke.', {
      next: 'Mend it.',
      details: [{ message: 'here', line: 7 }],
    }),
  });
  const response = await server.inject(`/api/operations/${id}`);
  t.match(response.json(), {
    id,
    state: 'running',
    steps: [
      {
        n: 1,
        state: 'failed',
        error: {
          code: 'test.broken',
          message: 'It broke.',
          next: 'Mend it.',
          details: [{ message: 'here', line: 7 }],
        },
      },
      { n: 2, state: 'pending', error: null },
    ],
  });
  t.notMatch(response.body, /hunter2|input/);
  t.match((await server.inject('/api/operations')).json(), [{ id }]);
});

t.test('each kind of refusal has its status, and keeps its code and next action', async (t) => {
  const statuses = {
    'usage.x': 400,
    'operation.busy': 409,
    'bundle.truncated': 422,
    'release.invalid': 422,
    'service.unknown': 404,
    'operation.unknown': 404,
    'engine.away': 500,
    'sizing.too-small': 500,
  } as const;
  for (const [code, status] of Object.entries(statuses)) {
    const status_ = (): Promise<never> =>
      Promise.reject(new OnsteadError(code as 'a.b', 'No.', { next: 'Do this.' }));
    const { server } = await openApi(t, { status: status_ });
    const response = await server.inject('/api/status');
    t.equal(response.statusCode, status, code);
    t.strictSame(response.json(), { code, message: 'No.', next: 'Do this.' });
  }
});

t.test('what nobody expected is said without its words and without a stack', async (t) => {
  const status = async (): Promise<never> => {
    throw new TypeError('cannot read hunter2 of undefined');
  };
  const { server } = await openApi(t, { status });
  const response = await server.inject('/api/status');
  t.equal(response.statusCode, 500);
  t.strictSame(response.json(), {
    code: 'internal.unexpected',
    message: 'Something unexpected went wrong; the log says more.',
  });
  t.notMatch(response.body, /hunter2|at .*\.ts/);
});

t.test('unknown ids and addresses are 404 with a sentence', async (t) => {
  const { server } = await openApi(t);
  for (const path of ['/api/operations/nobody', '/api/operations/nobody/events']) {
    const response = await server.inject(path);
    t.equal(response.statusCode, 404, path);
    t.match(response.json(), { code: 'operation.unknown', message: /"nobody"/, next: /onstead operations/ });
  }
  const nowhere = await server.inject('/api/../../etc/passwd');
  t.equal(nowhere.statusCode, 404);
  t.match(nowhere.json(), { code: 'usage.no-route' });
  t.equal((await server.inject({ method: 'DELETE', url: '/api/status' })).statusCode, 404);
  const long = await server.inject(`/api/operations/${'x'.repeat(200)}`);
  t.ok(long.statusCode >= 400 && long.statusCode < 500, `too long to be an id: ${long.statusCode}`);
});

t.test('malformed requests are refused before anything is begun', async (t) => {
  const { server, asked } = await openApi(t);
  const bodies: readonly [string, string, number][] = [
    ['no JSON', '{', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['no path', '{}', 400],
    ['a number for a path', '{"path":7}', 400],
    ['a relative path', '{"path":"x.tar"}', 400],
    ['an empty path', '{"path":""}', 400],
    ['a path without end', JSON.stringify({ path: `/${'x'.repeat(5000)}` }), 400],
    ['an unknown key', '{"path":"/x","force":true}', 400],
    ['another type', '{"path":"/x","dryRun":"perhaps"}', 400],
    ['a body without end', JSON.stringify({ path: `/${'x'.repeat(70_000)}` }), 413],
    ['a poisoned body', '{"path":"/x","__proto__":{"dryRun":true}}', 400],
  ];
  for (const [what, payload, status] of bodies) {
    const response = await server.inject({
      method: 'POST',
      url: '/api/install',
      payload,
      headers: { 'content-type': 'application/json' },
    });
    t.equal(response.statusCode, status, what);
    const { code, message } = response.json();
    t.equal(code, 'usage.request', what);
    t.ok(message.length > 0 && message.length < 500, message);
    t.notMatch(response.body, /\.ts:|node_modules/);
  }
  const form = await server.inject({
    method: 'POST',
    url: '/api/install',
    payload: 'path=/x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  t.equal(form.statusCode, 415);
  for (const query of ['tail=-1', 'tail=1e9', 'tail=x', 'follow=perhaps']) {
    t.equal((await server.inject(`/api/services/app/logs?${query}`)).statusCode, 400, query);
  }
  t.equal((await server.inject(`/api/operations/x/events?after=-1`)).statusCode, 400);
  t.strictSame(asked, []);
});

t.test('an installation answers line by line: progress, plan, operation', async (t) => {
  const permissions = [{ service: 'app', name: 'outbound', opens: 'the world' }];
  const plan = { product: 'notes', title: 'Notes', version: '1.0.0', permissions, warnings: [], steps: [] };
  const { server } = await openApi(t, {
    async install(_request, onProgress) {
      onProgress(1, 2);
      onProgress(2, 2);
      return { plan, operation: 'install-1' };
    },
  });
  const response = await server.inject({ method: 'POST', url: '/api/install', payload: { path: '/x.tar' } });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-type'], 'application/x-ndjson');
  t.strictSame(lines(response.body), [
    { kind: 'progress', done: 1, total: 2 },
    { kind: 'progress', done: 2, total: 2 },
    { kind: 'plan', plan },
    { kind: 'operation', id: 'install-1' },
  ]);
});

t.test('an upgrade and a rollback take what they are told, and nothing else', async (t) => {
  const { server, asked } = await openApi(t);
  const post = async (url: string, payload: object): Promise<number> =>
    (await server.inject({ method: 'POST', url, payload })).statusCode;
  t.equal(await post('/api/upgrade', { path: '/x.tar', strategy: 'canary', dryRun: true }), 200);
  t.equal(await post('/api/rollback', { to: 'upgrade-1' }), 200);
  t.equal(await post('/api/rollback', { data: 'restore', dryRun: true }), 200);
  t.strictSame(asked, ['upgrade /x.tar dry canary', 'rollback keep upgrade-1', 'rollback restore  dry']);
  t.equal(await post('/api/upgrade', { path: '/x.tar', strategy: 'big-bang' }), 400);
  t.equal(await post('/api/rollback', { path: '/x.tar' }), 400);
  t.equal(await post('/api/rollback', { data: 'burn' }), 400);
  t.equal(await post('/api/upgrade', { path: '/x.tar', at: 'x'.repeat(50) }), 400);
  t.equal(asked.length, 3);
});

t.test('what is planned for later can be seen, and taken off', async (t) => {
  const { server, asked } = await openApi(t);
  t.strictSame((await server.inject('/api/planned')).json(), { planned: null });
  await server.inject({ method: 'POST', url: '/api/upgrade', payload: { path: '/x.tar', at: '02:30' } });
  const cancelled = await server.inject({
    method: 'POST',
    url: '/api/planned/upgrade-1/cancel',
    payload: {},
  });
  t.match(cancelled.json(), { id: 'upgrade-1', wall: '2026-11-22 02:30' });
  t.strictSame(asked, ['upgrade /x.tar 02:30', 'cancel upgrade-1']);
});

t.test('what is set aside can be seen, and removed', async (t) => {
  const { server, asked } = await openApi(t);
  const list = await server.inject('/api/set-aside');
  t.match(list.json(), [{ id: 'upgrade-1', bytes: 5, volumes: [{ name: 'trial_mysql.then' }] }]);
  const removed = await server.inject({
    method: 'POST',
    url: '/api/set-aside/upgrade-1/remove',
    payload: {},
  });
  t.match(removed.json(), { id: 'upgrade-1' });
  t.strictSame(asked, ['remove upgrade-1']);
});

t.test('a dry run begins nothing', async (t) => {
  const { server, asked } = await openApi(t);
  const response = await server.inject({
    method: 'POST',
    url: '/api/install',
    payload: { path: '/x.tar', dryRun: true },
  });
  t.strictSame(
    lines(response.body).map(({ kind }) => kind),
    ['plan'],
  );
  t.strictSame(asked, ['install /x.tar dry']);
});

t.test('what goes wrong on the way arrives as a line of its own', async (t) => {
  const { server } = await openApi(t, {
    async install(_request, onProgress) {
      onProgress(1, 2);
      throw new OnsteadError('bundle.truncated', 'The bundle ends early.', { next: 'Copy it again.' });
    },
  });
  const response = await server.inject({ method: 'POST', url: '/api/install', payload: { path: '/x.tar' } });
  t.strictSame(lines(response.body), [
    { kind: 'progress', done: 1, total: 2 },
    {
      kind: 'error',
      error: { code: 'bundle.truncated', message: 'The bundle ends early.', next: 'Copy it again.' },
    },
  ]);
});

t.test('resume and abandon answer with the operation as it is then', async (t) => {
  const { server, journal, asked } = await openApi(t);
  const { id } = journal.create(operationOf('one'));
  for (const verb of ['resume', 'abandon']) {
    const response = await server.inject({
      method: 'POST',
      url: `/api/operations/${id}/${verb}`,
      payload: {},
    });
    t.match([response.statusCode, response.json()], [200, { id, state: 'planned' }]);
  }
  t.strictSame(asked, [`resume ${id}`, `abandon ${id}`]);
});

t.test('an unknown service is an error before its log begins', async (t) => {
  const { server } = await openApi(t, {
    // eslint-disable-next-line require-yield -- a log that ends before its first line
    async *logs(service) {
      throw new OnsteadError('service.unknown', `There is no service "${service}" here.`);
    },
  });
  const response = await server.inject('/api/services/nope/logs');
  t.match([response.statusCode, response.json()], [404, { code: 'service.unknown' }]);
});

t.test('a log arrives line by line and ends', async (t) => {
  const { server } = await openApi(t);
  t.match(lines((await server.inject('/api/services/app/logs?tail=5')).body), [
    { service: 'app', line: 'hello' },
  ]);
});

t.test('no answer leaves with a secret in it: not a report, not a line, not a refusal', async (t) => {
  const said = new OnsteadError('engine.refused', 'The engine said hunter22.', {
    next: 'Look at hunter22.',
    details: [{ message: 'hunter22' }],
  });
  const refuse = (): never => {
    throw said;
  };
  const attention = [{ what: 'hunter22 is not well', command: 'onstead logs app' }];
  const { server, journal } = await openApi(t, {
    mask: (text) => text.replaceAll('hunter22', '[secret]'),
    status: async () => ({ ...(await (await openApi(t)).server.inject('/api/status')).json(), attention }),
    services: refuse,
    install: refuse,
    async *logs(service) {
      yield { service, container: 'app-1', stream: 'stdout', at: '', line: 'my password is hunter22' };
    },
  });
  const { id } = journal.create({ ...operationOf('one'), title: 'Try hunter22' });
  journal.move(id, 'running');
  journal.move(id, 'rolling-back', said);
  journal.move(id, 'rolled-back');
  const install = { method: 'POST', url: '/api/install', payload: { path: '/x' } } as const;
  for (const request of [
    '/api/status',
    '/api/services',
    '/api/services/app/logs',
    '/api/operations',
    `/api/operations/${id}`,
    `/api/operations/${id}/events`,
    '/nothing/hunter22',
    install,
  ]) {
    const { body } = await server.inject(request);
    t.match(body, /\[secret\]/, JSON.stringify(request));
    t.notMatch(body, /hunter22/, JSON.stringify(request));
  }
});
