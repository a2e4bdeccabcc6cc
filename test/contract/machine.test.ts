// The collectors on the machine that the tests run on, against what its own tools say.

import t from 'tap';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statfsSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { availableParallelism, networkInterfaces, release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  analyzeFacts,
  CHECKS,
  collectFacts,
  detectMachine,
  FACT_NAMES,
  readFacts,
} from '../../src/machine/index.ts';

const asText = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8' }).trim();

t.test("the facts agree with the machine's own tools, and take less than four seconds", async (t) => {
  const started = performance.now();
  const facts = await detectMachine();
  const tookMs = performance.now() - started;
  t.ok(tookMs < 4_000, `${Math.round(tookMs)} ms`);
  t.strictSame(facts.missing, {}, 'every collector answered');

  t.equal(facts.cpu?.online, Number(asText('getconf', '_NPROCESSORS_ONLN')));
  t.ok(facts.cpu!.cpus > 0 && facts.cpu!.cpus <= facts.cpu!.online);
  t.ok(facts.cpu!.ownCpus <= Number(asText('nproc')), 'no more than nproc allows this process');
  t.ok(facts.cpu!.ownCpus <= availableParallelism());

  const total = /^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  t.equal(facts.memory?.totalBytes, Number(total) * 1024);
  t.ok(facts.memory!.usableBytes <= facts.memory!.totalBytes);

  for (const folder of facts.disks!.folders) {
    const [size, mount, kind] = asText('df', '-B1', '--output=size,target,fstype', folder.probedAt)
      .split('\n')[1]!
      .trim()
      .split(/\s+/);
    t.equal(folder.totalBytes, Number(size), `size under ${folder.path}`);
    t.equal(folder.mount, mount, `mount under ${folder.path}`);
    t.equal(folder.filesystem, kind === 'ext2/ext3' ? folder.filesystem : kind);
    const { bavail, bsize } = statfsSync(folder.probedAt);
    t.ok(
      Math.abs(folder.freeBytes - bavail * bsize) < 2 ** 30,
      `free under ${folder.path}, give or take what others write`,
    );
  }

  t.equal(facts.os?.kernel, release());
  t.equal(facts.os?.machine, asText('uname', '-m'));
  t.equal(facts.os?.uid, process.getuid?.());
  t.ok(facts.network?.interfaces.some((one) => one.name === 'lo' && one.kind === 'loopback'));
  const addresses = Object.values(networkInterfaces())
    .flat()
    .map((one) => one?.cidr);
  t.ok(
    facts.network?.interfaces.flatMap((one) => one.addresses).every((address) => addresses.includes(address)),
  );
  t.ok(Math.abs(Date.parse(facts.clock!.now) - Date.now()) < 10_000);
});

t.test('the time of a flush is measured where this user may write, and nothing is left behind', async (t) => {
  const root = t.testdir();
  const facts = await detectMachine({ root });
  const state = facts.disks!.folders.find((one) => one.role === 'state')!;
  t.equal(state.path, join(root, 'var/lib/onstead'));
  t.ok(state.flush!.samples >= 1);
  t.ok(state.flush!.medianMs > 0 && state.flush!.medianMs <= state.flush!.p99Ms);
  t.strictSame(readdirSync(root), []);
});

t.test('a port that is taken is found with its program, also on one address and on IPv6', async (t) => {
  for (const host of [
    '127.0.0.1',
    '0.0.0.0',
    ...(networkInterfaces()['lo']?.some((one) => one.family === 'IPv6') ? ['::1'] : []),
  ]) {
    const server = createServer();
    await once(server.listen(0, host), 'listening');
    const { port } = server.address() as AddressInfo;
    const facts = await detectMachine({ ports: [port] });
    const holder = facts.ports!.ports[0]!.holders[0];
    t.equal(facts.ports?.ports[0]?.free, false, host);
    t.match(holder, {
      pid: process.pid,
      program: basename(readlinkSync('/proc/self/exe')),
      script: /machine\.test\.ts$/,
      address: host,
      ours: false,
    });
    const check = analyzeFacts(facts).checks.find((one) => one.id === 'ports');
    t.equal(check?.status, 'fail');
    t.match(check?.found, `port ${port} is taken by`);
    t.match(check?.found, `machine.test.ts (process ${process.pid})`);
    await new Promise((resolve) => server.close(resolve));
    t.equal((await detectMachine({ ports: [port] })).ports?.ports[0]?.free, true, 'and free again');
  }
});

t.test('the engine on its socket is described, or the reason why it does not answer', async (t) => {
  const { engine } = await detectMachine();
  const said = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (said.status === 0 && (process.env['DOCKER_HOST'] ?? '') === '')
    t.equal(engine?.details?.version, said.stdout.trim());
  else t.equal(engine?.details === null, engine?.problem !== null, 'either details or a problem');
  const absent = await detectMachine({ engineSocket: '/nonexistent/engine.sock' });
  t.match(absent.engine, { details: null, problem: { kind: 'absent' } });
  t.equal(analyzeFacts(absent).checks.find((one) => one.id === 'engine')?.status, 'fail');
});

t.test('an engine that takes the call and never answers holds up nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  const calls = new Set<Socket>();
  const server = createServer((call) => calls.add(call));
  const engineSocket = join(folder, 'engine.sock');
  await once(server.listen(engineSocket), 'listening');
  t.teardown(() => {
    for (const call of calls) call.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const started = performance.now();
  const facts = await detectMachine({ engineSocket });
  t.ok(performance.now() - started < 4_000);
  t.match(facts.engine, { details: null, problem: { kind: 'silent' } });
  t.strictSame(facts.missing, {}, 'all the rest is known');
  t.equal(facts.disks?.folders.length, 4);
});

t.test('facts that were collected into a folder can be judged later, and elsewhere', async (t) => {
  const folder = join(t.testdir(), 'facts');
  await collectFacts(folder);
  t.strictSame(readdirSync(folder).toSorted(), FACT_NAMES.map((name) => `${name}.json`).toSorted());
  const report = analyzeFacts(await readFacts(folder));
  t.equal(report.checks.length, CHECKS.length);
  rmSync(folder, { recursive: true });
});

t.test('a user without rights is told what could not be seen', async (t) => {
  // Rights are dropped after the modules are loaded: the checkout may be readable to its owner only.
  const program = `
    import { detectMachine, analyzeFacts } from ${JSON.stringify(new URL('../../src/machine/index.ts', import.meta.url).href)};
    if (process.getuid() === 0) {
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
    }
    const facts = await detectMachine();
    console.log(JSON.stringify({ missing: facts.missing, report: analyzeFacts(facts) }));`;
  // `env -i`: the test runner's own hooks want to write where this user may not.
  const node = ['-i', `PATH=${process.env['PATH']}`, process.execPath, '--input-type=module', '-e', program];
  const said = spawnSync('env', node, { encoding: 'utf8', cwd: '/' });
  t.equal(said.status, 0, 'it ran');
  t.equal(said.stderr, '', 'without a word of complaint');
  const { missing, report } = JSON.parse(said.stdout) as {
    missing: Record<string, string>;
    report: ReturnType<typeof analyzeFacts>;
  };
  t.strictSame(missing, {});
  const status = (id: string): string | undefined => report.checks.find((one) => one.id === id)?.status;
  t.equal(status('root'), 'fail');
  t.equal(status('writable'), 'fail');
  t.not(status('packet-filter'), 'pass');
  t.not(status('flush-latency'), 'pass');
  t.ok(report.unseen.length > 0);
});
