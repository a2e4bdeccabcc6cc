// Who holds a port, on the real engine: a container that publishes it, and one in the machine's own network.

import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { analyzeFacts, detectMachine } from '../../src/machine/index.ts';
import { openLab, until } from './engine-lab.ts';

const lab = await openLab();
t.teardown(() => lab.close());

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function holderOf(port: number) {
  const facts = await until('a holder of the port', async () => {
    const seen = await detectMachine({ ports: [port] });
    return seen.ports?.ports[0]?.free === false ? seen : undefined;
  });
  return {
    holder: facts.ports!.ports[0]!.holders[0]!,
    check: analyzeFacts(facts).checks.find(({ id }) => id === 'ports')!,
  };
}

t.test('a container that publishes a port is named, and how to stop it', async (t) => {
  const port = await freePort();
  const options = ['--network', 'bridge', '--publish', `${port}:80`, '--name', `${lab.id}-publisher`];
  await lab.start(['sleep', '1000'], options);
  const { holder, check } = await holderOf(port);
  t.match(holder, { container: `${lab.id}-publisher`, ours: false });
  t.equal(check.found, `port ${port} is taken by the container ${lab.id}-publisher`);
  t.equal(check.fix, `docker stop ${lab.id}-publisher`);
});

t.test("a container in the machine's own network is named too", async (t) => {
  const port = await freePort();
  const options = ['--network', 'host', '--name', `${lab.id}-host`];
  await lab.start(['busybox', 'nc', '-l', '-p', String(port)], options);
  const { holder, check } = await holderOf(port);
  t.match(holder, { program: 'busybox', container: `${lab.id}-host` });
  t.ok((holder.pid ?? 0) > 0);
  t.equal(check.fix, `docker stop ${lab.id}-host`);
});
