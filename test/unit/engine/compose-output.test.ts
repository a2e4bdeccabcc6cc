import t from 'tap';
import { containersFrom, upArguments } from '../../../src/engine/compose.ts';
import { failureText, isAtLeast, readLine, versionIn } from '../../../src/engine/compose-progress.ts';

const progress = (kind: string, name: string, status: string): object => ({
  kind: 'progress',
  progress: { kind, name, status },
});

t.test('progress is read from JSON lines and from plain ones alike', async (t) => {
  t.same(
    readLine('{"id":"Container n-app-1","status":"Started"}'),
    progress('container', 'n-app-1', 'Started'),
  );
  t.same(readLine(' Container n-app-1  Started'), progress('container', 'n-app-1', 'Started'));
  t.same(readLine(' Network n_default  Creating'), progress('network', 'n_default', 'Creating'));
  t.same(readLine(' Volume "n_data"  Created'), progress('volume', 'n_data', 'Created'));
  t.same(readLine('{"id":"app","text":"Pulling"}'), progress('other', 'app', 'Pulling'));
});

t.test('errors and warnings are told from progress', async (t) => {
  t.same(readLine('{"error":true,"message":"no"}'), { kind: 'error', message: 'no' });
  t.same(readLine('time="2026" level=warning msg="the \\"X\\" variable is not set"'), {
    kind: 'warning',
    message: 'the "X" variable is not set',
  });
  t.same(readLine('{"level":"warning","msg":"w"}'), { kind: 'warning', message: 'w' });
  t.same(readLine('no such service: nobody'), { kind: 'text', message: 'no such service: nobody' });
  t.equal(readLine('{"broken').kind, 'text');
});

t.test('of a failure only the lines that matter are kept, each once', async (t) => {
  const lines = [
    '{"id":"Container a","status":"Running"}',
    'time="2026" level=warning msg="version is obsolete"',
    '{"error":true,"message":"Error response from daemon: No such image: x"}',
    '{"error":true,"message":"No such image: x"}',
  ].map(readLine);
  t.equal(failureText(lines), 'No such image: x');
  t.equal(failureText(['', 'a', 'b'].map(readLine)), 'a; b');
  t.equal(failureText([]), '');
});

t.test('versions are found and compared by number', async (t) => {
  t.equal(versionIn('2.40.3-3\n'), '2.40.3');
  t.equal(versionIn('Docker Compose version v5.0.1'), '5.0.1');
  t.equal(versionIn('unknown'), undefined);
  t.equal(isAtLeast('2.29.0', '2.29.0'), true);
  t.equal(isAtLeast('2.9.9', '2.29.0'), false);
  t.equal(isAtLeast('5.0.0', '2.29.0'), true);
});

t.test('nothing is ever pulled or built, and every choice becomes its flag', async (t) => {
  t.same(upArguments({}), ['up', '--detach', '--pull', 'never', '--no-build']);
  const all = upArguments({
    services: ['app'],
    noDeps: true,
    noRecreate: true,
    removeOrphans: true,
    scale: { app: 3 },
    wait: true,
    waitTimeoutSeconds: 9,
    stopTimeoutSeconds: 7,
  }).join(' ');
  t.equal(
    all,
    'up --detach --pull never --no-build --no-recreate --remove-orphans --scale app=3 --no-deps --wait --wait-timeout 9 --timeout 7 app',
  );
});

t.test('containers are read from lines and from one array', async (t) => {
  const one =
    '{"ID":"a","Name":"n-app-1","Service":"app","Image":"i","State":"running","Health":"","ExitCode":0,' +
    '"Labels":"a=b,com.docker.compose.oneoff=False,c=d"}';
  const container = {
    id: 'a',
    name: 'n-app-1',
    service: 'app',
    image: 'i',
    status: 'running',
    health: 'none',
    exitCode: 0,
    oneOff: false,
  };
  const expected = [container];
  t.same(containersFrom(one.replace('=False', '=True')), [{ ...container, oneOff: true }]);
  t.same(containersFrom(`${one}\n`), expected);
  t.same(containersFrom(`[${one}]`), expected);
  t.same(containersFrom(''), []);
  t.same(containersFrom('[]'), []);
});
