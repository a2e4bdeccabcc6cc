// `onstead status` and `onstead services`: the picture, and the exit code that says the same.

import t from 'tap';
import { linesOf, onstead, openDaemon } from './cli-lab.ts';

const replica = {
  container: 'notes-app-1',
  image: 'notes',
  state: 'running',
  health: 'healthy',
  restarts: 2,
  since: null,
};
const service = {
  name: 'app',
  role: 'app',
  image: 'a/app:1',
  wanted: 1,
  well: 1,
  replicas: [replica],
  memoryLimitBytes: 1024 * 1024,
};
const status = {
  sentence: 'Notes is well: 1 services run.',
  well: true,
  release: { product: 'notes', title: 'Notes', version: '1.0.0', installedAt: '2026-11-21T05:00:00Z' },
  addresses: ['https://localhost'],
  certificateEnds: null,
  services: [service],
  operation: null,
  operations: [],
  planned: null,
  engineTrouble: null,
  machineChange: null,
  attention: [],
};
t.test('status says whether it is well, by its exit code too', async (t) => {
  const well = await onstead(['status'], { socket: await openDaemon(t, { 'GET /api/status': status }) });
  t.match(well, {
    code: 0,
    out: /● Notes is well: 1 services run\.\n {2}Notes 1\.0\.0.*\n {2}https:\/\/localhost\n/,
  });
  t.match(well.out, /app {2}notes-app-1 {2}healthy.*2 restarts {2}≤ 1 MB {2}a\/app:1/);
  const ill = {
    ...status,
    well: false,
    sentence: 'Notes is not well: app.',
    attention: [{ what: 'app is not well.', command: 'onstead logs app' }],
  };
  t.match(await onstead(['status'], { socket: await openDaemon(t, { 'GET /api/status': ill }) }), {
    code: 5,
    out: /! app is not well\.\n {4}onstead logs app\n/,
  });
});

t.test('without the engine it is still told what is installed, and why no more is known', async (t) => {
  const engineTrouble = { code: 'engine.unreachable', message: 'It is not running.', next: 'Start it.' };
  const away = {
    ...status,
    well: false,
    sentence: 'Notes is installed; how it is cannot be told without the engine.',
    services: [{ ...service, well: 0, image: '', replicas: [] }],
    engineTrouble,
    attention: [{ what: 'The engine does not answer: It is not running.', command: 'Start it.' }],
  };
  const socket = await openDaemon(t, { 'GET /api/status': away });
  const told = await onstead(['status'], { socket });
  t.equal(told.code, 4);
  t.match(told.out, /Notes is installed;.*\n {2}Notes 1\.0\.0/);
  t.match(told.out, /! The engine does not answer: It is not running\.\n {4}Start it\.\n/);
  t.match(told.out, /\? {2}app.*not known/);
  const json = await onstead(['status', '--json'], { socket });
  t.match([json.code, JSON.parse(json.out)], [4, { release: { version: '1.0.0' }, engineTrouble }]);

  const services = await onstead(['services'], { socket });
  t.match(services, {
    code: 4,
    out: /\? {2}app.*not known/,
    err: 'error: The engine does not answer: It is not running.\nnext: Start it.\n',
  });
  const listed = await onstead(['services', '--json'], { socket });
  t.match([listed.code, JSON.parse(listed.out)], [4, { error: engineTrouble, services: [{ name: 'app' }] }]);
});

t.test('a service without a container is shown as such', async (t) => {
  const gone = { ...status, well: false, services: [{ ...service, well: 0, replicas: [] }] };
  const { out } = await onstead(['services'], { socket: await openDaemon(t, { 'GET /api/status': gone }) });
  t.match(out, /● {2}app.*no container/);
});

t.test('a stopped container is said to be stopped, and how long ago', async (t) => {
  const since = new Date(Date.now() - 90_000).toISOString();
  const replicas = [{ ...replica, state: 'exited', health: 'none', since }];
  const ill = { ...status, well: false, addresses: [], services: [{ ...service, well: 0, replicas }] };
  const { out } = await onstead(['status'], { socket: await openDaemon(t, { 'GET /api/status': ill }) });
  t.match(out, /● {2}app {2}notes-app-1 {2}stopped {2}1 min 3\d s ago/);
  t.notMatch(out, /healthy|exited/);
  t.match(out, /Notes 1\.0\.0.*\n\n/, 'no empty line of addresses');
});

t.test('a narrow terminal is shown no image names, and no line that does not fit', async (t) => {
  const image = 'onstead.local/notes/notes:sha256-8fff128e15430c0895e9';
  const long = { ...status, services: [{ ...service, image }] };
  const socket = await openDaemon(t, { 'GET /api/status': long });
  const env = { NO_COLOR: '1' };
  for (const verb of ['status', 'services']) {
    const narrow = await onstead([verb], { socket, tty: true, columns: 60, env });
    t.notMatch(narrow.out, 'onstead.local');
    for (const line of narrow.out.split('\n')) t.ok(line.length <= 60, line);
    t.match((await onstead([verb], { socket, tty: true, columns: 160, env })).out, image);
    t.match((await onstead([verb], { socket })).out, image, 'for programs');
  }
  for (const words of [['help'], ['bundle', '--help'], ['status', '--help']]) {
    const { out } = await onstead(words, { tty: true, columns: 60, env });
    const isCommand = (line: string): boolean => /^(Usage| {2}(# |onstead ))/.test(line);
    for (const line of out.split('\n').filter((one) => !isCommand(one))) t.ok(line.length <= 60, line);
  }
});

t.test(
  'what is planned for later is told with its time, how long until then, and how to cancel it',
  async (t) => {
    const at = new Date(Date.now() + 2 * 3_600_000 + 90_000).toISOString();
    const planned = {
      ...{ id: 'upgrade-1', title: 'Upgrade Notes from 1.0.0 to 1.1.0', at, wall: '2026-11-22 02:30' },
      ...{ zone: 'Europe/Zurich', state: 'waiting', path: '/x.tar', message: null, next: null },
    };
    const socket = await openDaemon(t, {
      'GET /api/status': { ...status, planned },
      'GET /api/operations': [],
      'GET /api/planned': { planned },
      'POST /api/planned/upgrade-1/cancel': planned,
      'POST /api/upgrade': linesOf([{ kind: 'planned', planned }]),
    });
    const sentence =
      'Planned: Upgrade Notes from 1.0.0 to 1.1.0 at 2026-11-22 02:30 (Europe/Zurich), in 2 h 1 min';
    const command = 'onstead operations cancel upgrade-1';
    t.match((await onstead(['status'], { socket })).out, `  ${sentence}\n    ${command}\n`);
    t.match(await onstead(['upgrade', 'x.tar', '--at', '02:30', '--yes'], { socket }), {
      code: 0,
      out: `${sentence}\n  ${command}\n`,
    });
    const list = await onstead(['operations'], { socket });
    t.match(list.out, 'upgrade-1  scheduled  2026-11-22 02:30:00  Upgrade Notes from 1.0.0 to 1.1.0');
    t.match(JSON.parse((await onstead(['operations', '--json'], { socket })).out), [
      { id: 'upgrade-1', state: 'scheduled' },
    ]);
    const show = ['operations', 'show', 'upgrade-1'];
    t.match(await onstead(show, { socket }), { code: 0, out: `${sentence}\n  ${command}\n` });
    t.match(JSON.parse((await onstead([...show, '--json'], { socket })).out), {
      state: 'scheduled',
      steps: [],
    });
    t.equal(
      (await onstead(['operations', 'cancel'], { socket })).out,
      'Taken off: Upgrade Notes from 1.0.0 to 1.1.0, which was planned for 2026-11-22 02:30 (Europe/Zurich).\n',
    );
  },
);

t.test('where nothing is planned for later there is nothing to cancel', async (t) => {
  const socket = await openDaemon(t, { 'GET /api/planned': { planned: null }, 'GET /api/operations': [] });
  t.match(await onstead(['operations', 'cancel'], { socket }), {
    code: 5,
    err: /Nothing is planned for later/,
  });
  t.equal((await onstead(['operations'], { socket })).out, 'Nothing has been done yet.\n');
});
