// Whom the edge names after a restart of the engine in the middle of an operation, when addresses were given out anew.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Engine } from '../../../src/engine/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { rejoinEdge } from '../../../src/stack/index.ts';
import {
  askingFirst,
  markIn,
  renderUpstreams,
  serversIn,
  withServers,
  type EdgeServer,
  type EdgeTargets,
} from '../../../src/stack/edge/upstreams.ts';
import { releaseWith } from './lab.ts';

const app = { name: 'app', port: 3000 };
const conf = 'http {}';
const server = (address: string, replica: string, weight = 1): EdgeServer => {
  return { address, port: 3000, weight, replica };
};
const [first, second] = [server('10.0.0.4', 'aaaaaaaaaaaa', 19), server('10.0.0.5', 'bbbbbbbbbbbb')];

/** What it names afterwards, given who runs where. */
async function rejoined(
  t: Test,
  text: string,
  running: Readonly<Record<string, string>>,
): Promise<{ readonly text: string; readonly told: number }> {
  const stackFolder = t.testdir();
  const folder = join(stackFolder, 'config/nginx');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'nginx.conf'), conf);
  await writeFile(join(folder, 'upstreams.conf'), text);
  let told = 0;
  const containers = {
    list: async ({ service }: { service: string }) =>
      service === 'nginx'
        ? [{ id: 'nginx', oneOff: false }]
        : Object.entries(running).map(([id, ipv4]) => ({ id, networks: [{ name: 'trial_front', ipv4 }] })),
    kill: async () => void (told += 1),
  };
  await rejoinEdge({
    engine: { containers } as unknown as Engine,
    release: parseRelease(releaseWith(''), 'compose.yaml'),
    stackFolder,
    project: async () => 'trial',
  });
  return { text: await readFile(join(folder, 'upstreams.conf'), 'utf8'), told };
}

const render = (kind: 'listed' | 'joining', ...servers: EdgeServer[]): string =>
  renderUpstreams(app, { kind, servers } as EdgeTargets, conf);

t.test('what is named can be read again', async (t) => {
  t.strictSame(serversIn(render('joining', first, second)), [first, second]);
  t.strictSame(serversIn(renderUpstreams(app, { kind: 'all' }, conf)), []);
  const text = withServers(render('joining', first), [second], conf);
  t.equal(text, render('joining', second));
  t.not(markIn(text), markIn(render('joining', first)));
});

t.test('a replica is followed to its new address, with its share', async (t) => {
  const running = { [`${first.replica}00`]: '10.0.0.9', [`${second.replica}00`]: '10.0.0.5' };
  const { text, told } = await rejoined(t, render('listed', first, second), running);
  t.strictSame(serversIn(text), [{ ...first, address: '10.0.0.9' }, second]);
  t.equal(told, 1);
});

t.test('whoever has got the address of a replica does not get its requests', async (t) => {
  const running = { [`${first.replica}00`]: second.address, [`${second.replica}00`]: first.address };
  const { text } = await rejoined(t, render('listed', first), running);
  t.strictSame(serversIn(text), [{ ...first, address: second.address }]);
});

t.test('one that does not run is named no more, while another does', async (t) => {
  const { text } = await rejoined(t, render('listed', first, second), {
    [`${second.replica}00`]: '10.0.0.5',
  });
  t.strictSame(serversIn(text), [second]);
});

t.test('where none of them runs the edge goes by the name', async (t) => {
  const { text } = await rejoined(t, render('listed', first), { cccccccccccc: '10.0.0.4' });
  t.strictSame(serversIn(text), []);
  t.match(text, 'server app:3000 resolve');
});

t.test('where all is right nothing is written, and nobody is asked any more', async (t) => {
  const running = { [`${first.replica}00`]: first.address };
  const listed = render('listed', first);
  t.strictSame(await rejoined(t, listed, running), { text: listed, told: 0 });
  t.equal((await rejoined(t, askingFirst(listed, conf, 60), running)).text, listed);
});
