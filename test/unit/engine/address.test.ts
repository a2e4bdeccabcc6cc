import t from 'tap';
import { addressFrom, dockerHostOf, nameOf } from '../../../src/engine/address.ts';

t.test('an address is read as DOCKER_HOST is written, and written back', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['unix:///run/d.sock', 'unix:///run/d.sock', '/run/d.sock'],
    ['unix://', 'unix:///var/run/docker.sock', '/var/run/docker.sock'],
    ['tcp://127.0.0.1:2375', 'tcp://127.0.0.1:2375', '127.0.0.1:2375'],
    ['tcp://[::1]:2375/', 'tcp://[::1]:2375', '[::1]:2375'],
  ];
  for (const [dockerHost, host, name] of cases) {
    const address = addressFrom({ dockerHost });
    t.equal(dockerHostOf(address), host);
    t.equal(nameOf(address), name);
  }
  t.equal(dockerHostOf(addressFrom({})), 'unix:///var/run/docker.sock');
  t.equal(dockerHostOf(addressFrom({ socketPath: '/a', dockerHost: 'tcp://b:1' })), 'unix:///a');
});

t.test('what is no address is refused', async (t) => {
  for (const dockerHost of ['ssh://root@box', 'http://box:1', 'tcp://box', 'box:2375', '/run/d.sock']) {
    t.throws(() => addressFrom({ dockerHost }), { code: 'engine.address' }, dockerHost);
  }
});
