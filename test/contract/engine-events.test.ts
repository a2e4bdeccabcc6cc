import t from 'tap';
import { connectEngine } from '../../src/engine/index.ts';
import type { EngineEvent } from '../../src/engine/index.ts';
import { openLab, openProxy, until } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());

t.test('what happens is told as it happens, and nothing else', async (t) => {
  const control = new AbortController();
  const seen: EngineEvent[] = [];
  const filters = { type: ['container'], label: [lab.label] };
  const watching = follow(lab.engine.events({ signal: control.signal, filters }), seen);
  await until('the subscription', async () => seen[0]);
  t.same(seen, [{ kind: 'connected' }]);
  const id = await lab.start(['sh', '-c', 'exit 3']);
  await until('its end', async () => seen.find((event) => event.kind === 'event' && event.action === 'die'));
  await lab.engine.containers.exec(await lab.start(['sleep', '300']), { cmd: ['echo', 'secret-argument'] });
  await until('the command', async () =>
    seen.find((event) => event.kind === 'event' && event.action === 'exec_create'),
  );
  control.abort();
  await watching;
  const own = seen.filter((event) => event.kind === 'event' && event.id === id);
  t.match(own, [
    { type: 'container', action: 'create', at: Date },
    { action: 'start' },
    { action: 'die', attributes: { exitCode: '3' } },
  ]);
  t.notMatch(JSON.stringify(seen), 'secret-argument');
});

t.test('the stream outlives the engine and says that there was a gap', async (t) => {
  const proxy = await openProxy(lab.folder);
  t.teardown(() => proxy.close());
  const engine = await connectEngine({ socketPath: proxy.socketPath });
  const control = new AbortController();
  const seen: EngineEvent[] = [];
  const filters = { type: ['container'], event: ['start'], label: [lab.label] };
  const watching = follow(engine.events({ signal: control.signal, filters }), seen);
  await until('the subscription', async () => seen[0]);
  const first = await lab.start(['sleep', '300']);
  await until('the first', async () => seen[1]);

  await proxy.cut();
  t.equal(await engine.isUp(), false);
  await t.rejects(engine.info(), { code: 'engine.unreachable' });
  const missed = await lab.start(['sleep', '300']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await proxy.heal();
  await until('the reconnection', async () => seen.find(({ kind }) => kind === 'reconnected'));
  t.ok(
    (await engine.containers.list({ labels: [lab.label] })).some(({ id }) => id === missed),
    'calls work again',
  );
  const last = await lab.start(['sleep', '300']);
  await until('the last', async () => seen.find((event) => event.kind === 'event' && event.id === last));
  control.abort();
  await watching;
  t.same(
    seen.map((event) => (event.kind === 'event' ? event.id : event.kind)),
    ['connected', first, 'reconnected', last],
  );
});

t.test('a first connection that fails is an error, not an endless silence', async (t) => {
  const proxy = await openProxy(lab.folder);
  const engine = await connectEngine({ socketPath: proxy.socketPath });
  await proxy.close();
  await t.rejects(follow(engine.events(), []), { code: 'engine.unreachable' });
});

t.test('a command that runs while the engine is lost fails as lost', async (t) => {
  const proxy = await openProxy(lab.folder);
  t.teardown(() => proxy.close());
  const engine = await connectEngine({ socketPath: proxy.socketPath });
  const id = await lab.start(['sleep', '300']);
  const running = engine.containers.exec(id, { cmd: ['sleep', '30'] }).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await proxy.cut();
  t.match(await running, { code: /engine\.(lost|unreachable)/ });
});

async function follow(events: AsyncIterable<EngineEvent>, into: EngineEvent[]): Promise<void> {
  for await (const event of events) into.push(event);
}
