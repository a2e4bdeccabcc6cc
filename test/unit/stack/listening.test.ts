// Whether a server that is starting could answer yet, as the kernel's tables say it.

import { createServer } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { mayAnswer } from '../../../src/stack/index.ts';
import { hasListener } from '../../../src/stack/data/listening.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue\n';
const resolver =
  '   0: 0B00007F:9C5F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n';
const listens =
  '   1: 00000000:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 2 1\n';
const talks =
  '   2: 020012AC:0CEA 030012AC:D431 01 00000000:00000000 00:00000000 00000000   999        0 3 1\n';
const unixHead = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
const takes = '0000000000000000: 00000002 00000000 00010000 0001 01 41 /var/run/mysqld/mysqld.sock\n';
const joined = '0000000000000000: 00000003 00000000 00000000 0001 03 42 /var/run/mysqld/mysqld.sock\n';

t.test('a port or a socket that takes connections could', async (t) => {
  t.ok(hasListener([head + resolver + listens, head], unixHead));
  t.ok(hasListener([head, head + listens], unixHead));
  t.ok(hasListener([head, head], unixHead + takes));
});

t.test("the engine's own resolver and connections of others could not", async (t) => {
  t.notOk(hasListener([head + resolver + talks, head], unixHead + joined));
  t.notOk(hasListener([head, head], unixHead));
});

t.test('the kernel of this machine says it in these words', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.ok(await mayAnswer(process.pid));
  server.close();
  t.notOk(await mayAnswer(0), 'a container that does not run');
  t.ok(await mayAnswer(2 ** 22 + 1), 'one that cannot be seen is asked');
});
