// What of a value is written as an answer, held against Fastify's own writer; and when ajv is loaded.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import t from 'tap';
import { declared } from '../../../src/api/compilers.ts';
import { StatusAnswer } from '../../../src/api/schemas.ts';
import { Type } from '../../../src/base/schema.ts';
import { OperationSchema } from '../../../src/journal/index.ts';

const fastify = createRequire(createRequire(import.meta.url).resolve('fastify'));
const select = fastify('@fastify/fast-json-stringify-compiler') as () => (
  ...given: unknown[]
) => (route: object) => (value: unknown) => string; // CommonJS, loaded by hand: untyped
const compile = select()({}, {});

const step = {
  n: 1,
  type: 'migrate',
  title: 'Migrate',
  state: 'failed',
  attempts: 1,
  startedAt: null,
  finishedAt: '2026-11-20T00:00:00Z',
  note: null,
  error: {
    code: 'x.y',
    message: 'It broke.',
    details: [{ message: 'why', exitCode: 3, deep: { a: [1] } }],
    hidden: 1,
  },
  looks: false,
  progress: { done: 1, total: 2, unit: 'items', secret: 'hunter2' },
};
const operation = {
  id: 'install-1',
  kind: 'install',
  lane: 'stack',
  title: 'Install',
  state: 'running',
  createdAt: '2026-11-20T00:00:00Z',
  startedAt: null,
  finishedAt: null,
  error: null,
  steps: [step, { ...step, error: null, progress: null, password: 'hunter2' }],
  input: { password: 'hunter2' },
};
const status = {
  sentence: 'It is well.',
  well: true,
  release: { product: 'notes', title: 'Notes', version: '1.0.0', installedAt: 'now', token: 'hunter2' },
  addresses: ['https://localhost'],
  certificateEnds: null,
  services: [],
  operation: null,
  operations: [],
  planned: null,
  machineChange: null,
  engineTrouble: null,
  attention: [{ what: 'a', command: 'b', c: 'd' }],
};

t.test("an answer is what Fastify's own writer would write, and nothing undeclared is in it", async (t) => {
  const cases: readonly (readonly [object, unknown])[] = [
    [OperationSchema, operation],
    [Type.Array(OperationSchema), [operation]],
    [StatusAnswer, status],
    [Type.Object({ a: Type.String() }), { a: 'x', ['__proto__x']: 1 }],
    [Type.Array(Type.String()), []],
  ];
  for (const [schema, value] of cases) {
    const ours = declared(schema, value);
    t.strictSame(JSON.parse(JSON.stringify(ours)), JSON.parse(compile({ schema })(value)));
    t.notMatch(JSON.stringify(ours), /hunter2/);
  }
});

t.test('a server that has answered and checked nothing yet has not loaded ajv', async (t) => {
  const api = new URL('../../../src/api/index.ts', import.meta.url).href;
  const log = new URL('../../../src/base/log.ts', import.meta.url).href;
  const script = `
    import { createRequire } from 'node:module';
    const { buildServer } = await import(${JSON.stringify(api)});
    const { createLogger } = await import(${JSON.stringify(log)});
    const { cache } = createRequire(import.meta.url);
    const isLoaded = () => Object.keys(cache).some((path) => path.includes('/ajv/'));
    const server = buildServer({ version: () => ({ onstead: '1', node: '1', startedAt: 'now' }) }, createLogger('silent'));
    await server.inject('/api/version');
    const before = isLoaded();
    await server.inject('/api/operations/x/events?after=-1');
    console.log(before, isLoaded());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('../../..', import.meta.url),
    encoding: 'utf8',
  });
  t.equal(stdout.trim(), 'false true', stderr);
});
