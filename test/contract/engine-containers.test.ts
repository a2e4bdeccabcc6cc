import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { connectEngine, RUN_LABEL } from '../../src/engine/index.ts';
import type { LogLine } from '../../src/engine/index.ts';
import { run } from '../../src/base/process.ts';
import { openLab, openProxy, until } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());
const { containers } = lab.engine;

t.test('a container is listed and described', async (t) => {
  const volume = `onstead-test-${lab.id}`;
  await lab.engine.volumes.create(volume, { 'dev.onstead.test': lab.id });
  await run('docker', ['network', 'create', '--label', lab.label, volume]);
  const network = (await lab.engine.networks.inspect(volume))!;
  const id = await lab.start(
    ['sleep', '300'],
    [
      '--name',
      `onstead-test-${lab.id}`,
      '--memory',
      '32m',
      '--volume',
      `${volume}:/data:ro`,
      '--network',
      volume,
      '--label',
      'com.docker.compose.project=p1',
      '--label',
      'com.docker.compose.service=s1',
      '--label',
      'com.docker.compose.container-number=2',
    ],
  );
  t.match(await containers.list({ labels: [lab.label], project: 'p1', service: 's1' }), [
    {
      id,
      name: `onstead-test-${lab.id}`,
      status: 'running',
      health: 'none',
      service: 's1',
      number: 2,
      oneOff: false,
    },
  ]);
  t.same(await containers.list({ labels: [lab.label], project: 'p2' }), []);
  const facts = (await containers.inspect(id))!;
  t.match(facts, {
    id,
    image: lab.image,
    imageId: (await lab.engine.images.inspect(lab.image))?.id,
    status: 'running',
    restarts: 0,
    oomKilled: false,
    memoryLimitBytes: 32 * 1024 * 1024,
    mounts: [{ type: 'volume', name: volume, target: '/data', readOnly: true }],
    networks: [{ name: volume, id: network.id, ipv4: /^\d+\.\d+\.\d+\.\d+$/ }],
  });
  t.ok(facts.started instanceof Date);
  t.equal(facts.finished, undefined);
  t.same((await lab.engine.networks.inspect(volume))?.containers, [id]);
  await t.rejects(lab.engine.volumes.remove(volume), { code: 'engine.conflict' });
});

t.test('one that ends again and again is stopped at whatever moment it is met', async (t) => {
  const id = await lab.start(['sh', '-c', 'sleep 0.02; exit 1'], ['--restart', 'always']);
  for (let round = 0; round < 8; round += 1) {
    await containers.stop(id, { timeoutSeconds: 0 });
    t.not((await containers.inspect(id))?.status, 'restarting');
    await containers.start(id);
    await sleep(round * 40);
  }
  await containers.stop(id, { timeoutSeconds: 0 });
  await sleep(500);
  t.equal((await containers.inspect(id))?.status, 'exited', 'and stays so');
});

t.test('a container is stopped, started, killed and removed, and asking twice is fine', async (t) => {
  const id = await lab.start(['sleep', '300']);
  await containers.stop(id, { timeoutSeconds: 0 });
  await containers.stop(id, { timeoutSeconds: 0 });
  t.match(await containers.inspect(id), { status: 'exited', exitCode: 137 });
  await containers.start(id);
  await containers.start(id);
  t.match(await containers.inspect(id), { status: 'running' });
  await containers.kill(id);
  await until('it to end', async () =>
    (await containers.inspect(id))?.status === 'exited' ? true : undefined,
  );
  await containers.remove(id);
  await containers.remove(id);
  t.equal(await containers.inspect(id), undefined);
  await t.rejects(containers.start(id), { code: 'engine.not-found' });
});

t.test('commands inside a container', async (t) => {
  const id = await lab.start(['sleep', '300']);

  t.test('answer with their code and both outputs apart', async (t) => {
    const result = await containers.exec(id, { cmd: ['sh', '-c', 'echo out; echo err >&2; exit 7'] });
    t.equal(result.code, 7);
    t.equal(result.stdout, 'out\n');
    t.equal(result.stderr, 'err\n');
  });

  t.test('run as a user, in a folder, with an environment', async (t) => {
    const result = await containers.exec(id, {
      cmd: ['sh', '-c', 'id -u; echo "$WORD"; pwd'],
      user: '999:999',
      env: { WORD: 'a b=c' },
      workdir: '/tmp',
    });
    t.equal(result.stdout, '999\na b=c\n/tmp\n');
  });

  t.test('take 5 MB of bytes and give them back unchanged, after their input ended', async (t) => {
    const bytes = randomBytes(5 * 1024 * 1024);
    const result = await containers.exec(id, { cmd: ['cat'], stdin: bytes, timeoutMs: 30_000 });
    t.equal(result.code, 0);
    t.ok(result.stdoutBytes.equals(bytes));
  });

  t.test('take a stream, and stream their output', async (t) => {
    const bytes = randomBytes(5 * 1024 * 1024);
    const pieces = Array.from({ length: 80 }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const hash = createHash('sha256');
    const result = await containers.exec(id, {
      cmd: ['cat'],
      stdin: Readable.from(pieces),
      onStdout: (chunk) => void hash.update(chunk),
    });
    t.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    t.equal(result.stdoutBytes.length, 0);
  });

  t.test('see the end of an empty input', async (t) => {
    const result = await containers.exec(id, { cmd: ['wc', '-c'], stdin: '', timeoutMs: 10_000 });
    t.equal(result.stdout.trim(), '0');
  });

  t.test('may end without reading their input', async (t) => {
    const result = await containers.exec(id, {
      cmd: ['sh', '-c', 'echo early; exit 4'],
      stdin: randomBytes(3 * 1024 * 1024),
      timeoutMs: 20_000,
    });
    t.equal(result.code, 4);
  });

  t.test('are ended at their time limit, in the container too', async (t) => {
    await t.rejects(containers.exec(id, { cmd: ['sleep', '4321'], timeoutMs: 500 }), {
      code: 'engine.exec-timeout',
    });
    await until('the command to be gone', async () => {
      const { stdout } = await run('docker', ['top', id]);
      return stdout.includes('4321') ? undefined : true;
    });
  });

  t.test('are cut by their signal', async (t) => {
    const signal = AbortSignal.timeout(300);
    await t.rejects(containers.exec(id, { cmd: ['sleep', '4322'], signal }), { name: 'TimeoutError' });
  });

  t.test('that do not exist answer 126 or 127 and say so', async (t) => {
    const result = await containers.exec(id, { cmd: ['no-such-program'] });
    t.ok([126, 127].includes(result.code), String(result.code));
    t.match(result.stdout + result.stderr, /no-such-program/);
  });

  t.test('that print more than is kept fail instead of filling memory', async (t) => {
    const flood = containers.exec(id, { cmd: ['cat', '/bin/busybox'], maxOutputBytes: 100_000 });
    await t.rejects(flood, { code: 'engine.output' });
  });

  t.test('in a stopped or missing container are refused', async (t) => {
    const stopped = await lab.start(['true']);
    await until('it to end', async () =>
      (await containers.inspect(stopped))?.status === 'exited' ? true : undefined,
    );
    await t.rejects(containers.exec(stopped, { cmd: ['true'] }), { code: 'engine.conflict' });
    await t.rejects(containers.exec('0'.repeat(64), { cmd: ['true'] }), { code: 'engine.not-found' });
  });
});

t.test('a log is read in lines with their stream and time, long lines whole', async (t) => {
  const script = 'echo one; echo two >&2; head -c 40000 /dev/zero | tr "\\\\0" x; echo; printf unfinished';
  const id = await lab.start([
    'sh',
    '-c',
    script.replace('tr', '/bin/busybox tr').replace('printf', '/bin/busybox printf'),
  ]);
  await until('it to end', async () =>
    (await containers.inspect(id))?.status === 'exited' ? true : undefined,
  );
  const lines = await collect(containers.logs(id));
  t.same(
    lines
      .filter(({ stream }) => stream === 'stdout')
      .map(({ line }) => (line.length > 100 ? line.length : line)),
    ['one', 40_000, 'unfinished'],
  );
  t.match(
    lines.filter(({ stream }) => stream === 'stderr'),
    [{ line: 'two' }],
  );
  t.ok(lines.every(({ at }) => Math.abs(Date.now() - at.getTime()) < 60_000));
  t.match(await collect(containers.logs(id, { tail: 1 })), [{ line: 'unfinished' }]);
});

t.test('a log with a terminal is read too', async (t) => {
  const id = await lab.start(['sh', '-c', 'echo 123; echo b'], ['--tty']);
  await until('it to end', async () =>
    (await containers.inspect(id))?.status === 'exited' ? true : undefined,
  );
  t.same(
    (await collect(containers.logs(id))).map(({ line }) => line),
    ['123', 'b'],
  );
});

t.test(
  'a followed log goes on after a restart, loses no line and doubles none, and ends with the container',
  async (t) => {
    const id = await lab.start([
      'sh',
      '-c',
      'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "$HOSTNAME $i"; echo "e $i" >&2; done; sleep 300',
    ]);
    const lines: string[] = [];
    const following = (async () => {
      for await (const { line } of containers.logs(id, { follow: true })) lines.push(line);
    })();
    await until('the first run', async () => (lines.length === 80 ? true : undefined));
    await containers.stop(id, { timeoutSeconds: 0 });
    await containers.start(id);
    await until('the second run', async () => (lines.length >= 160 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.equal(lines.length, 160);
    await containers.remove(id);
    await following;
  },
);

t.test('a followed log survives the engine going away and coming back', async (t) => {
  const proxy = await openProxy(lab.folder);
  t.teardown(() => proxy.close());
  const engine = await connectEngine({ socketPath: proxy.socketPath });
  const id = await lab.start(['sh', '-c', 'i=0; while true; do i=$((i+1)); echo $i; sleep 0.05; done']);
  const lines: number[] = [];
  const control = new AbortController();
  const following = (async () => {
    for await (const { line } of engine.containers.logs(id, { follow: true, signal: control.signal }))
      lines.push(Number(line));
  })();
  await until('ten lines', async () => (lines.length >= 10 ? true : undefined));
  await proxy.cut();
  const before = lines.length;
  await new Promise((resolve) => setTimeout(resolve, 600));
  t.equal(lines.length, before);
  await proxy.heal();
  await until('twenty more', async () => (lines.length >= before + 20 ? true : undefined));
  control.abort();
  await following;
  t.same(
    lines,
    Array.from({ length: lines.length }, (_, index) => index + 1),
    'each line once, in order',
  );
  await containers.remove(id);
});

t.test('what a container uses is measured', async (t) => {
  const id = await lab.start(['sh', '-c', 'while true; do :; done'], ['--memory', '32m', '--cpus', '0.3']);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const usage = (await containers.usage(id))!;
  await containers.remove(id);
  t.ok(usage.cpuPercent > 10 && usage.cpuPercent < 60, `${usage.cpuPercent} %`);
  t.ok(usage.memoryBytes > 0 && usage.memoryBytes < 32 * 1024 * 1024, `${usage.memoryBytes}`);
  t.equal(usage.memoryLimitBytes, 32 * 1024 * 1024);
  t.ok(usage.cpuSeconds > 0);
  const stopped = await lab.start(['true']);
  await until('it to end', async () =>
    (await containers.inspect(stopped))?.status === 'exited' ? true : undefined,
  );
  t.equal(await containers.usage(stopped), undefined);
});

t.test('one command in a container of its own', async (t) => {
  const ours = { labels: { 'dev.onstead.test': lab.id }, image: lab.image };
  const left = (): Promise<unknown[]> =>
    containers.list({ labels: [lab.label, RUN_LABEL] }).then((list) => [...list]);

  t.test('answers with code and output, and leaves nothing', async (t) => {
    const lines: string[] = [];
    const outcome = await containers.runOnce({
      ...ours,
      cmd: ['sh', '-c', 'echo step 1; echo "$WHO" >&2; id -u; exit 3'],
      env: { WHO: 'me' },
      user: '10002:10002',
      onLine: (line, stream) => void lines.push(`${stream} ${line}`),
    });
    t.equal(outcome.code, 3);
    t.same([...lines].sort(), ['stderr me', 'stdout 10002', 'stdout step 1']);
    t.same(outcome.output.trim().split('\n').sort(), ['10002', 'me', 'step 1']);
    t.same(await left(), []);
  });

  t.test('has a read-only root, no capabilities, no new privileges and no network', async (t) => {
    const cmd = [
      'sh',
      '-c',
      'touch /x 2>/dev/null && echo writable; cat /proc/1/status /proc/net/dev; touch /tmp/ok && echo tmp',
    ];
    const { output } = await containers.runOnce({ ...ours, cmd, tmpfs: { '/tmp': 'size=1m' } });
    t.notMatch(output, 'writable');
    t.match(output, /CapBnd:\s+0000000000000000/);
    t.match(output, /NoNewPrivs:\s+1/);
    t.notMatch(output, /eth0/);
    t.match(output, /^tmp$/m);
  });

  t.test('reads and writes the volumes that it is given', async (t) => {
    const source = `onstead-run-${lab.id}`;
    await lab.engine.volumes.create(source, { 'dev.onstead.test': lab.id });
    const mounts = [{ source, target: '/data' }];
    await containers.runOnce({ ...ours, cmd: ['sh', '-c', 'echo kept > /data/f'], mounts });
    const again = { ...ours, mounts: [{ source, target: '/data', readOnly: true }] };
    t.match(await containers.runOnce({ ...again, cmd: ['cat', '/data/f'] }), { code: 0, output: 'kept\n' });
    t.match(await containers.runOnce({ ...again, cmd: ['touch', '/data/g'] }), { code: 1 });
  });

  t.test('is ended at its time limit, says its last lines, and leaves nothing', async (t) => {
    const late = containers.runOnce({
      ...ours,
      cmd: ['sh', '-c', 'echo begun; sleep 300'],
      timeoutMs: 1_000,
    });
    await t.rejects(late, { code: 'engine.run-timeout', details: [{ message: /begun/ }] });
    t.same(await left(), []);
  });

  t.test('is ended by its signal and leaves nothing', async (t) => {
    const signal = AbortSignal.timeout(500);
    await t.rejects(containers.runOnce({ ...ours, cmd: ['sleep', '300'], signal }), { name: 'TimeoutError' });
    t.same(await left(), []);
  });

  t.test('of an image that is not there is refused and leaves nothing', async (t) => {
    await t.rejects(containers.runOnce({ ...ours, image: `none:${lab.id}` }), { code: 'engine.not-found' });
    t.match(await containers.runOnce({ ...ours, cmd: ['no-such-program'] }), {
      code: 127,
      output: /no-such-program/,
    });
    t.same(await left(), []);
  });

  t.test('keeps only the end of a flood of output', async (t) => {
    const cmd = ['sh', '-c', 'seq 1 200000'];
    const { output } = await containers.runOnce({ ...ours, cmd, keepBytes: 1_000 });
    t.ok(output.length <= 1_000);
    t.match(output, /200000\n$/);
  });

  t.test('that a crash left behind is found by its label and removed; others are not', async (t) => {
    const other = await lab.start(['sleep', '300']);
    const options = ['--label', `${RUN_LABEL}=m1`, '--name', `onstead-m1-${lab.id}`];
    await lab.start(['sleep', '300'], options);
    t.same(await containers.removeLeftovers(lab.label), [`onstead-m1-${lab.id}`]);
    t.same(await containers.removeLeftovers(lab.label), []);
    t.match(await containers.inspect(other), { status: 'running' });
  });

  t.test('takes the place of what an earlier try of the same name left, but not of a stranger', async (t) => {
    const id = `onstead-m2-${lab.id}`;
    const left = await lab.start(['sleep', '300'], ['--label', `${RUN_LABEL}=${id}`, '--name', id]);
    t.match(await containers.runOnce({ ...ours, id, cmd: ['echo', 'again'] }), {
      code: 0,
      output: 'again\n',
    });
    t.equal(await containers.inspect(left), undefined);
    const stranger = await lab.start(['sleep', '300'], ['--name', id]);
    await t.rejects(containers.runOnce({ ...ours, id, cmd: ['true'] }), { code: 'engine.conflict' });
    t.match(await containers.inspect(stranger), { status: 'running' });
  });
});

t.test('volumes are made once, networks and volumes are found by label and removed', async (t) => {
  const { volumes, networks } = lab.engine;
  const name = `onstead-v-${lab.id}`;
  const labels = { 'dev.onstead.test': lab.id, part: 'v' };
  const volume = await volumes.create(name, labels);
  t.match(await volumes.create(name, labels), { name, mountpoint: volume.mountpoint });
  t.match(volume.mountpoint, new RegExp(name));
  t.match(await volumes.list({ labels: ['part=v', lab.label] }), [{ name, labels }]);
  t.equal(await volumes.remove(name), true);
  t.equal(await volumes.remove(name), false);
  t.equal(await volumes.inspect(name), undefined);
  const options = ['--internal', '--subnet', '10.213.77.0/28', '--label', lab.label, '--label', 'part=v'];
  await run('docker', ['network', 'create', ...options, name]);
  t.match(await networks.inspect(name), { name, internal: true, labels, subnets: ['10.213.77.0/28'] });
  t.match(await networks.list({ labels: ['part=v', lab.label] }), [{ name }]);
  t.equal(await networks.remove(name), true);
  t.equal(await networks.remove(name), false);
});

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}
