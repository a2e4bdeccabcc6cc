import t from 'tap';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOnsteadError } from '../../../src/base/errors.ts';
import { collectFacts, COLLECTORS } from '../../../src/machine/collect.ts';
import { readFacts } from '../../../src/machine/facts-folder.ts';
import { FACT_NAMES, type FactName } from '../../../src/machine/facts.ts';
import { analyzeFacts, CHECKS } from '../../../src/machine/preflight.ts';
import { healthyFacts } from './fixtures/healthy.ts';

function writeHealthy(folder: string): string {
  const facts = healthyFacts();
  for (const name of FACT_NAMES) {
    writeFileSync(
      join(folder, `${name}.json`),
      JSON.stringify({ facts: facts[name], unseen: [], tookMs: 1 }),
    );
  }
  return folder;
}

t.test('there is one collector for each facts file', async (t) => {
  t.strictSame(Object.keys(COLLECTORS).toSorted(), [...FACT_NAMES].toSorted());
});

t.test('what was written is what is read', async (t) => {
  const facts = await readFacts(writeHealthy(t.testdir()));
  t.strictSame(facts, healthyFacts());
});

t.test('a collector that throws or hangs says why and stops no other', async (t) => {
  const folder = t.testdir();
  const healthy = healthyFacts();
  const same = Object.fromEntries(FACT_NAMES.map((name) => [name, async () => healthy[name]]));
  await collectFacts(folder, {
    timeoutMs: 50,
    collectors: {
      ...same,
      cpu: () => {
        throw new Error('no such luck');
      },
      memory: () => new Promise(() => {}),
      os: async (source) => {
        source.unseen.push('Half of it was dark.');
        return healthy.os;
      },
    },
  });
  t.equal(readdirSync(folder).length, FACT_NAMES.length);
  t.match(JSON.parse(readFileSync(join(folder, 'cpu.json'), 'utf8')), { error: 'no such luck' });
  const facts = await readFacts(folder);
  t.strictSame(facts.missing, { cpu: 'no such luck', memory: 'it took longer than 50 ms' });
  t.strictSame(facts.unseen, { os: ['Half of it was dark.'] });
  t.strictSame(facts.disks, healthy.disks);
  t.equal(facts.cpu, undefined);
});

t.test('a machine with nothing to look at still gives a whole report', async (t) => {
  const folder = t.testdir({ root: {}, facts: {} });
  await collectFacts(join(folder, 'facts'), {
    lookUnder: join(folder, 'root'),
    engineSocket: join(folder, 'none.sock'),
  });
  const facts = await readFacts(join(folder, 'facts'));
  t.match(facts.missing, { cpu: /no processor/, memory: /meminfo/, ports: /cannot be read/ });
  const report = analyzeFacts(facts);
  t.equal(report.checks.length, CHECKS.length);
  t.equal(report.verdict, 'fail');
});

async function refusal(folder: string): Promise<{ message: string; next: string | undefined }> {
  try {
    await readFacts(folder);
  } catch (error) {
    if (isOnsteadError(error)) return { message: error.message, next: error.next };
    throw error;
  }
  throw new Error('nothing was refused');
}

t.test('a facts file that was cut at any byte is refused by name', async (t) => {
  const folder = writeHealthy(t.testdir());
  const path = join(folder, 'cpu.json');
  const whole = readFileSync(path);
  for (let length = 0; length < whole.length; length += 7) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    const { message, next } = await refusal(folder);
    if (!/cpu\.json cannot be used/.test(message) || next === undefined)
      t.fail(`cut at ${length}: ${message}`);
  }
  writeFileSync(path, whole);
  await t.resolves(readFacts(folder));
});

const hostile: readonly (readonly [string, FactName, string])[] = [
  ['a number in place of the file', 'cpu', '7'],
  ['a list in place of the file', 'cpu', '[]'],
  ['null', 'os', 'null'],
  ['facts of another shape', 'memory', '{"facts":{"totalBytes":"16G"},"unseen":[],"tookMs":1}'],
  [
    'a negative size',
    'memory',
    '{"facts":{"totalBytes":-1,"limitBytes":null,"usableBytes":1,"availableBytes":1,"ownLimitBytes":null,"swapTotalBytes":0,"swapFreeBytes":0},"unseen":[],"tookMs":1}',
  ],
  ['an error that is not a text', 'disks', '{"error":{"$where":1},"tookMs":1}'],
  ['binary', 'ports', '\u0000\u0001\ufffd'],
];
for (const [what, name, text] of hostile) {
  t.test(`${what} gives one clear sentence with the file's name`, async (t) => {
    const folder = writeHealthy(t.testdir());
    writeFileSync(join(folder, `${name}.json`), text);
    const { message, next } = await refusal(folder);
    t.match(message, new RegExp(`/${name}\\.json cannot be used: .+\\.$`));
    t.notMatch(message, /\n/);
    t.ok(next);
  });
}

t.test('a hostile key changes nothing but itself', async (t) => {
  const folder = writeHealthy(t.testdir());
  writeFileSync(join(folder, 'kernel.json'), '{"__proto__":{"polluted":1},"error":"x","tookMs":1}');
  await readFacts(folder);
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

t.test('an absent file is a fact that is missing; an absent folder is an error', async (t) => {
  const folder = writeHealthy(t.testdir());
  rmSync(join(folder, 'clock.json'));
  t.match((await readFacts(folder)).missing, { clock: /clock\.json/ });
  t.match((await refusal(join(folder, 'absent'))).message, /absent cannot be read/);
  t.match((await refusal(join(folder, 'cpu.json'))).message, /not a folder/);
});

t.test('a folder or a giant in place of a facts file is refused', async (t) => {
  const folder = writeHealthy(t.testdir());
  writeFileSync(join(folder, 'cpu.json'), '');
  truncateSync(join(folder, 'cpu.json'), 50 * 1024 * 1024);
  t.match((await refusal(folder)).message, /far too large/);
  rmSync(join(folder, 'cpu.json'));
  mkdirSync(join(folder, 'cpu.json'));
  t.match((await refusal(folder)).message, /not a plain file/);
});
