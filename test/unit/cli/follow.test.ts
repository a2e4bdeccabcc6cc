// What a person sees of an operation: recorded events in, lines out.

import t from 'tap';
import type { ServerResponse } from 'node:http';
import { event, linesOf, onstead, openDaemon, operation } from './cli-lab.ts';

const story = [
  event(0, { type: 'operation', state: 'planned', text: 'Install Notes 1.0.0' }),
  event(1, { type: 'operation', state: 'running' }),
  event(10, { step: 1, state: 'running' }),
  event(20, { type: 'note', step: 1, text: 'Swap: none' }),
  event(510, { step: 1, state: 'done', text: '58 checks' }),
  event(520, { step: 2, state: 'running' }),
  event(5520, { type: 'progress', seq: 0, step: 2, progress: { done: 50, total: 100, unit: 'bytes' } }),
  event(10_520, { step: 2, state: 'skipped' }),
  event(10_600, { step: 3, state: 'running' }),
  event(10_700, {
    type: 'progress',
    seq: 0,
    step: 3,
    progress: { done: 1, total: 2, unit: 'items', note: 'app-1 healthy' },
  }),
];
const done = [
  ...story,
  event(64_000, { step: 3, state: 'done', text: '2 containers healthy' }),
  event(65_000, { type: 'operation', state: 'done' }),
];
const failed = [
  ...story,
  event(64_000, { step: 3, state: 'failed', text: 'It broke.' }),
  event(64_100, { type: 'operation', state: 'rolling-back', text: 'It broke.' }),
  event(64_200, { step: 3, state: 'undoing' }),
  event(64_300, { step: 3, state: 'undone' }),
  event(64_400, { step: 1, state: 'undone' }),
  event(65_000, { type: 'operation', state: 'rolled-back' }),
];
const error = {
  code: 'test.broken',
  message: 'It broke.',
  next: 'Mend it.',
  details: [{ message: 'here' }, { message: 'and there' }],
};
const show = ['operations', 'show', 'install-1', '--follow'];
const daemon = (
  t: Parameters<typeof openDaemon>[0],
  state: Parameters<typeof operation>[0],
  events: readonly unknown[],
  change = {},
): Promise<string> =>
  openDaemon(t, {
    'GET /api/operations/install-1': operation(state, change),
    'GET /api/operations/install-1/events': linesOf(events),
    'GET /api/operations/install-1/notes': [
      { at: '2026-11-20T12:00:00Z', step: 3, text: 'said by step 3' },
      { at: '2026-11-20T12:00:00Z', step: null, text: 'At the edge: 5 requests meanwhile' },
    ],
    'GET /api/operations': [operation(state, change)],
  });

t.test('a line for each step that ended, and how it all ended', async (t) => {
  const { code, out, err } = await onstead(show, { socket: await daemon(t, 'done', done) });
  t.equal(err, '');
  t.equal(code, 0);
  t.strictSame(out.split('\n'), [
    ' 1/3   Swap: none',
    ' 1/3 ✓ Title of preflight  500 ms  58 checks',
    ' 2/3 = Title of load-images  nothing to do',
    ' 3/3 ✓ Title of start-services  53 s  2 containers healthy',
    '',
    'Done: Install Notes 1.0.0 (1 min 5 s).',
    '',
  ]);
});

t.test('a terminal also sees the step under way', async (t) => {
  const { out } = await onstead(show, {
    socket: await daemon(t, 'done', done),
    tty: true,
    env: { NO_COLOR: '1' },
  });
  t.match(out, / 2\/3 {3}Title of load-images …/);
  t.match(out, / 2\/3 {3}Title of load-images {2}█{12}░{12} {2}50 B of 100 B at 10 B\/s, 5\.0 s left/);
  t.match(out, / 3\/3 {3}Title of start-services {2}1 of 2 {2}app-1 healthy/);
});

t.test('a failure says why, what was taken back and what to do', async (t) => {
  const { code, out } = await onstead(show, { socket: await daemon(t, 'rolled-back', failed, { error }) });
  t.equal(code, 5);
  t.match(out, /✗ Title of start-services {2}It broke\.\n/);
  t.match(out, /↶ Title of start-services {2}taken back\n/);
  t.notMatch(out, /↶ Title of preflight/, 'what only looked made nothing to take back');
  t.match(
    out,
    /Failed; what it had made was taken back: Install Notes 1\.0\.0.*\nIt broke\.\n {2}- here\n {2}- and there\nNext: Mend it\.\n$/,
  );
});

t.test('a stuck operation is exit code 5 with the next action', async (t) => {
  const { code, out } = await onstead(show, {
    socket: await daemon(t, 'stuck', [...story, event(65_000, { type: 'operation', state: 'stuck' })], {
      error,
    }),
  });
  t.equal(code, 5);
  t.match(out, /Stuck: .*\nIt broke\.\n(.*\n)*Next: Mend it\./);
});

t.test('where nothing needed doing, that is what is said', async (t) => {
  const { steps } = operation('done', {}, ['preflight', 'verify-bundle', 'load-images', 'smoke-test']);
  const idle = steps.map((step) => ({ ...step, state: step.type === 'load-images' ? 'skipped' : 'done' }));
  const { code, out } = await onstead(show, { socket: await daemon(t, 'done', done, { steps: idle }) });
  t.equal(code, 0);
  t.match(out, /Everything is as it should be; nothing needed doing\.\n$/);
});

/** One value a line. */
const parsed = (out: string): unknown[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

t.test('with --json each event is a line, and the last one is the result', async (t) => {
  const socket = await daemon(t, 'done', done);
  const { out } = await onstead([...show, '--json'], { socket });
  t.strictSame(parsed(out), [...done, { type: 'result', operation: operation('done') }]);
  const help = await onstead(['operations', '--help']);
  t.match(help.out, /--json +.*one JSON object a line for each event, the last with "type": "result"/);
});

t.test('what goes wrong after the first line is a line too', async (t) => {
  const socket = await openDaemon(t, {
    'GET /api/operations/install-1': operation('running'),
    'GET /api/operations/install-1/events': (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify(done[0])}\n`, () => response.destroy());
    },
  });
  const { code, out } = await onstead([...show, '--json'], { socket });
  t.equal(code, 6);
  t.match(parsed(out), [done[0], { error: { code: 'daemon.unreachable' } }]);
});

t.test('the newest operation is the one that is shown', async (t) => {
  const { code, out } = await onstead(['operations', 'show'], { socket: await daemon(t, 'done', done) });
  t.equal(code, 0);
  t.match(out, /^Install Notes 1\.0\.0 {2}done/);
  t.match(out, /\n +3 .*\n +said by step 3\n/, 'what was said stands under its step');
  t.match(out, /\nAt the edge: 5 requests meanwhile\n/, 'and what is of the whole at the end');
});

t.test(
  'what is under way is shown before what was done since, and of two what changes the stack',
  async (t) => {
    const backup = (state: Parameters<typeof operation>[0], id: string) =>
      operation(state, { id, lane: 'copy', kind: 'backup', title: 'Back up Notes' });
    const upgrade = operation('running', { id: 'upgrade-1', title: 'Upgrade Notes' });
    const shows = async (all: readonly { id: string }[], id: string): Promise<void> => {
      const path = `GET /api/operations/${id}`;
      const one = all.find((each) => each.id === id);
      const socket = await openDaemon(t, {
        ...{ 'GET /api/operations': all, [path]: one, [`${path}/notes`]: [] },
      });
      const { code, out } = await onstead(['operations', 'show', '--json'], { socket });
      t.equal(code, 0);
      t.match(JSON.parse(out), { id });
    };
    await shows([backup('done', 'backup-2'), upgrade, backup('done', 'backup-1')], 'upgrade-1');
    await shows([backup('running', 'backup-2'), upgrade], 'upgrade-1');
    await shows([operation('done'), backup('running', 'backup-2')], 'backup-2');
    await shows([backup('done', 'backup-2'), operation('done')], 'backup-2');
  },
);

for (const action of ['resume', 'abandon'] as const) {
  t.test(`${action} has to be told which where two are stuck`, async (t) => {
    const all = [
      operation('stuck', { id: 'backup-1', lane: 'copy' }),
      operation('stuck', { id: 'upgrade-1' }),
    ];
    const socket = await openDaemon(t, { 'GET /api/operations': all });
    const { code, err } = await onstead(['operations', action], { socket });
    t.equal(code, 2);
    t.match(err, /Two operations are stuck: backup-1 and upgrade-1\./);
    t.match(err, new RegExp(`onstead operations ${action} ID`));
  });

  t.test(`${action} is asked for and then followed`, async (t) => {
    const end = action === 'resume' ? 'done' : 'rolled-back';
    const socket = await openDaemon(t, {
      [`POST /api/operations/install-1/${action}`]: operation('running'),
      'GET /api/operations/install-1': operation(end),
      'GET /api/operations/install-1/events': linesOf(done),
    });
    t.match(await onstead(['operations', action, 'install-1'], { socket }), {
      code: action === 'resume' ? 0 : 5,
    });
    const idle = await openDaemon(t, { 'GET /api/operations': [operation('done')] });
    t.match(await onstead(['operations', action], { socket: idle }), {
      code: 5,
      err: /No operation is stuck/,
    });
    const stuck = await openDaemon(t, {
      'GET /api/operations': [operation('stuck')],
      [`POST /api/operations/install-1/${action}`]: operation('running'),
      'GET /api/operations/install-1': operation(end),
      'GET /api/operations/install-1/events': linesOf(done),
    });
    const unnamed = await onstead(['operations', action], { socket: stuck });
    t.equal(unnamed.code, action === 'resume' ? 0 : 5, 'where one is stuck it need not be named');
  });
}

/** Sends these values and then leaves the answer open. */
function openLines(values: readonly unknown[], then: (response: ServerResponse) => void) {
  return (_request: unknown, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''), () => then(response));
  };
}

t.test('a Ctrl-C leaves the operation running and says how to look at it again', async (t) => {
  const interrupt = new AbortController();
  const socket = await openDaemon(t, {
    'GET /api/operations/install-1': operation('running'),
    'GET /api/operations/install-1/events': openLines(story, () => setTimeout(() => interrupt.abort(), 50)),
  });
  const { code, out, err } = await onstead(show, { socket, signal: interrupt.signal });
  t.equal(err, '');
  t.equal(code, 0);
  t.match(
    out,
    /The operation goes on\. Look at it again with: onstead operations show install-1 --follow\n$/,
  );
});

t.test('a connection that breaks while following is no good end', async (t) => {
  const socket = await openDaemon(t, {
    'GET /api/operations/install-1': operation('running'),
    'GET /api/operations/install-1/events': openLines(story, (response) =>
      setTimeout(() => response.destroy(), 50),
    ),
  });
  t.match(await onstead(show, { socket }), { code: 6, err: /^error: The connection to the daemon broke/ });
});

const plan = {
  product: 'notes',
  title: 'Notes',
  version: '1.0.0',
  permissions: [{ service: 'agent', name: 'privileged', opens: 'the whole machine' }],
  warnings: [] as string[],
  steps: [{ type: 'preflight', title: 'Check this machine' }],
};
const told = 'Beyond their own containers, its services get:\n  ! agent: the whole machine (privileged)\n';
const begin = [
  { kind: 'progress', done: 1, total: 2 },
  { kind: 'plan', plan },
  { kind: 'operation', id: 'install-1' },
];

t.test('an installation is begun, followed and ends with its address', async (t) => {
  const socket = await openDaemon(t, {
    'POST /api/install': linesOf(begin),
    'GET /api/operations/install-1': operation('done'),
    'GET /api/operations/install-1/events': linesOf(done),
    'GET /api/status': { addresses: ['https://box:8443'] },
  });
  t.match(await onstead(['install', 'x.tar'], { socket }), {
    code: 0,
    err: '',
    out: /^Notes 1\.0\.0, 1 steps\nBeyond their own containers.*\n {2}! agent: the whole.*\n(.*\n)*It is at https:\/\/box:8443\n$/,
  });
  t.match(await onstead(['install', 'x.tar', '--detach'], { socket }), {
    code: 0,
    out: /Under way as install-1\./,
  });
  t.match(JSON.parse((await onstead(['install', 'x.tar', '--detach', '--json'], { socket })).out), {
    operation: 'install-1',
  });
  const { code, out } = await onstead(['install', 'x.tar', '--json'], { socket });
  t.equal(code, 0);
  t.strictSame(parsed(out), [...done, { type: 'result', operation: operation('done') }]);
});

t.test('a plan is shown and nothing else', async (t) => {
  const socket = await openDaemon(t, { 'POST /api/install': linesOf(begin.slice(0, 2)) });
  t.match(await onstead(['install', 'x.tar', '--plan'], { socket }), {
    code: 0,
    out: `Notes 1.0.0, 1 steps\n${told}   1  Check this machine\n`,
  });
  const modest = { ...plan, permissions: [] };
  const other = await openDaemon(t, { 'POST /api/install': linesOf([{ kind: 'plan', plan: modest }]) });
  t.match(await onstead(['install', 'x.tar', '--plan'], { socket: other }), {
    out: 'Notes 1.0.0, 1 steps\n   1  Check this machine\n',
  });
  t.strictSame(JSON.parse((await onstead(['install', 'x.tar', '--plan', '--json'], { socket })).out), plan);
});

t.test(
  'an upgrade and a rollback without --yes show the plan with its warnings, and say how to go on',
  async (t) => {
    const warned = { ...plan, permissions: [], warnings: ['There is no way back.'] };
    const answer = linesOf([{ kind: 'plan', plan: warned }]);
    const socket = await openDaemon(t, { 'POST /api/upgrade': answer, 'POST /api/rollback': answer });
    for (const words of [['upgrade', 'x.tar'], ['rollback']]) {
      t.match(await onstead(words, { socket }), {
        code: 0,
        out: 'Notes 1.0.0, 1 steps\n! There is no way back.\n   1  Check this machine\nNothing was changed. Add --yes to do it.\n',
      });
      t.strictSame(JSON.parse((await onstead([...words, '--json'], { socket })).out), warned);
    }
    t.match(await onstead(['upgrade', 'x.tar', '--strategy', 'big-bang'], { socket }), {
      code: 2,
      err: 'error: "big-bang" is not a strategy.\nnext: Choose one of rolling, blue-green, canary.\n',
    });
  },
);

t.test('a refused bundle is exit code 3 with the sentence', async (t) => {
  const refused = {
    kind: 'error',
    error: { code: 'bundle.truncated', message: 'The bundle ends early.', next: 'Copy it again.' },
  };
  const socket = await openDaemon(t, { 'POST /api/install': linesOf([begin[0], refused]) });
  t.match(await onstead(['install', 'x.tar'], { socket }), {
    code: 3,
    err: 'error: The bundle ends early.\nnext: Copy it again.\n',
  });
});

t.test('a failed installation is exit code 5 and names no address', async (t) => {
  const socket = await openDaemon(t, {
    'POST /api/install': linesOf(begin),
    'GET /api/operations/install-1': operation('rolled-back', { error }),
    'GET /api/operations/install-1/events': linesOf(failed),
  });
  const { code, out } = await onstead(['install', 'x.tar'], { socket });
  t.equal(code, 5);
  t.notMatch(out, /It is at/);
});

t.test('a daemon that dies before the plan is made is no success', async (t) => {
  const socket = await openDaemon(t, {
    'POST /api/install': openLines(begin.slice(0, 1), (response) => setTimeout(() => response.destroy(), 50)),
  });
  t.match(await onstead(['install', 'x.tar'], { socket }), {
    code: 6,
    err: /^error: The connection to the daemon broke/,
  });
});

t.test('a log is shown line by line, and its service is asked for by name', async (t) => {
  const line = { service: 'app', container: 'notes-app-1', stream: 'stdout', at: '', line: 'hello' };
  const socket = await openDaemon(t, {
    'GET /api/services/my%20app%2F/logs?tail=5&follow=false': linesOf([line]),
  });
  t.match(await onstead(['logs', 'my app/', '--tail', '5'], { socket }), {
    code: 0,
    out: 'notes-app-1  hello\n',
  });
  t.strictSame(
    JSON.parse((await onstead(['logs', 'my app/', '--tail', '5', '--json'], { socket })).out),
    line,
  );
  t.match(await onstead(['logs', 'app', '--tail', '1.5'], { socket }), { code: 2, err: /whole number/ });
});

t.test('a Ctrl-C ends a followed log quietly', async (t) => {
  const interrupt = new AbortController();
  const line = { service: 'app', container: 'a', stream: 'stdout', at: '', line: 'hello' };
  const socket = await openDaemon(t, {
    'GET /api/services/app/logs?tail=100&follow=true': openLines([line], () =>
      setTimeout(() => interrupt.abort(), 50),
    ),
  });
  t.match(await onstead(['logs', 'app', '--follow'], { socket, signal: interrupt.signal }), {
    code: 0,
    err: '',
    out: 'a  hello\n',
  });
});

t.test('a daemon that ends on the way leaves an operation that goes on', async (t) => {
  const socket = await openDaemon(t, {
    'GET /api/operations/install-1': operation('running'),
    'GET /api/operations/install-1/events': (_request: unknown, response: ServerResponse) => {
      response.write(`${JSON.stringify(story[0])}\n`);
      setTimeout(() => response.destroy(), 50);
    },
  });
  t.match(await onstead(show, { socket }), {
    code: 6,
    err: /connection to the daemon broke.*goes on once it runs again\.\nnext: .*`onstead operations show install-1 --follow`/,
  });
});

t.test('what a step said is told once and in one line', async (t) => {
  const said = 'Applied   3 \t migrations';
  const { steps } = operation('done');
  const socket = await openDaemon(t, {
    'GET /api/operations/install-1': operation('done', { steps: [{ ...steps[0]!, note: said }] }),
    'GET /api/operations/install-1/notes': [{ at: '2026-11-20T12:00:00Z', step: 1, text: said }],
  });
  const { out } = await onstead(['operations', 'show', 'install-1'], { socket });
  t.equal(out.split('Applied 3 migrations').length, 2, out);
});

t.test('a rollback of an upgrade under way is done when that is taken back', async (t) => {
  const halted = { code: 'operation.halted', message: 'A person asked for the way back.', next: 'Again.' };
  const turned = operation('rolled-back', { error: halted });
  const told = [
    { kind: 'plan', plan },
    { kind: 'operation', id: 'install-1', halts: true },
  ];
  const socket = await openDaemon(t, {
    'POST /api/rollback': linesOf(told),
    'GET /api/operations/install-1': turned,
    'GET /api/operations/install-1/events': linesOf(failed),
  });
  const { code, out } = await onstead(['rollback', '--yes'], { socket });
  t.equal(code, 0);
  t.match(out, /Taken back, as a person asked: Install Notes 1\.0\.0 \(1 min 5 s\)\.\n$/);
  t.equal((await onstead(show, { socket })).code, 5, 'for whoever waited for the upgrade it failed');
});
