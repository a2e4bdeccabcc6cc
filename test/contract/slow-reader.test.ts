// A reader of a log who stalls must not fill the daemon's memory: the real engine, the real API, much to read.

import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { MIB } from '../../src/base/units.ts';
import { openApi } from '../unit/api/appliance-double.ts';
import { openLab, until } from './engine-lab.ts';

const LINE_BYTES = 2_000;
const LINES = 20_000;
const MUCH_BYTES = LINE_BYTES * LINES;
const MAY_KEEP_BYTES = 8 * MIB;

const lab = await openLab();
t.teardown(() => lab.close());

t.test('a reader who stalls is waited for, and reads everything once he goes on', async (t) => {
  const writing = `l=$(printf '%0${LINE_BYTES}d' 0); i=0; while [ $i -lt ${LINES} ]; do echo $l; i=$((i+1)); done`;
  const container = await lab.start(['sh', '-c', `${writing}; sleep 1000`], ['--log-opt', 'max-size=1g']);
  let taken = 0;
  const api = await openApi(t, {
    async *logs(service, { tail, follow, signal }) {
      for await (const { stream, at, line } of lab.engine.containers.logs(container, {
        tail,
        follow,
        signal,
      })) {
        taken += 1;
        yield { service, container, stream, at: at.toISOString(), line };
      }
    },
  });
  const socketPath = join(api.folder, 'api.sock');
  await api.server.listen({ path: socketPath });
  const path = '/api/services/app/logs?tail=100000&follow=true';
  const outgoing = request({ socketPath, path, agent: false });
  outgoing.on('error', () => {});
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.on('error', () => {});

  await until(
    'the reading to stall',
    async () => {
      const before = taken;
      await sleep(1_000);
      return taken > 0 && taken === before ? true : undefined;
    },
    60_000,
  );
  const keptBytes = taken * LINE_BYTES;
  t.ok(keptBytes < MAY_KEEP_BYTES, `${keptBytes} bytes of ${MUCH_BYTES} were read ahead`);

  let gotBytes = 0;
  response.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
  await until('the rest', async () => (taken === LINES && gotBytes > MUCH_BYTES ? true : undefined), 60_000);
  t.equal(taken, LINES, 'nothing was lost');
  outgoing.destroy();
});

t.test('a line without an end is handed on in parts', async (t) => {
  const container = await lab.start(['sh', '-c', 'head -c 5000000 /dev/zero; echo end']);
  await until('its end', async () => {
    const facts = await lab.engine.containers.inspect(container);
    return facts?.status === 'exited' ? true : undefined;
  });
  const lengths: number[] = [];
  for await (const { line, at } of lab.engine.containers.logs(container, { follow: false })) {
    lengths.push(line.length);
    t.ok(at.getTime() > 0);
  }
  t.ok(lengths.length >= 4, `${lengths.length} parts`);
  t.ok(Math.max(...lengths) < 1.1 * MIB, 'none is long');
  t.equal(
    lengths.reduce((sum, one) => sum + one, 0),
    5_000_003,
    'and nothing is lost',
  );
});
