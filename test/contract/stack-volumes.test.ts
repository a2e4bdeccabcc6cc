// Data volumes on the real engine: whose they are, also when a power cut came between making and giving them.

import { stat } from 'node:fs/promises';
import t from 'tap';
import { isOurVolume, makeVolume, removeVolumeMadeBy } from '../../src/stack/index.ts';
import { openStackLab } from './stack-lab.ts';

const lab = await openStackLab();
const names: string[] = [];
t.teardown(async () => {
  for (const name of names) await lab.engine.volumes.remove(name);
  await lab.close();
});
const { engine } = lab;

function specOf(owner: string, operation = 'install-1') {
  const name = `onstead-test-${lab.id}-${names.length}`;
  names.push(name);
  return { key: 'data', name, owner, project: lab.id, stackFolder: lab.folder, operation };
}

const ownerOf = async (name: string): Promise<string> => {
  const { uid, gid } = await stat((await engine.volumes.inspect(name))!.mountpoint);
  return `${uid}:${gid}`;
};

t.test('a volume is made for its user, once', async (t) => {
  const spec = specOf('999:998');
  t.equal(await isOurVolume(engine, spec.name, spec.owner), false);
  await makeVolume(engine, spec);
  t.equal(await isOurVolume(engine, spec.name, spec.owner), true);
  t.equal(await ownerOf(spec.name), '999:998');
  await makeVolume(engine, spec);
  t.equal(await isOurVolume(engine, spec.name, spec.owner), true);
});

t.test('one that was made but not yet given away is given when it is taken up again', async (t) => {
  const spec = specOf('999:999');
  // What a kill between the two leaves behind: the labels, and root as the owner.
  await makeVolume(engine, { ...spec, owner: '0:0' });
  t.equal(await ownerOf(spec.name), '0:0');
  t.equal(await isOurVolume(engine, spec.name, spec.owner), false);
  await makeVolume(engine, spec);
  t.equal(await ownerOf(spec.name), '999:999');
  t.equal(await isOurVolume(engine, spec.name, spec.owner), true);
});

t.test('a user that only the image knows is left to the engine', async (t) => {
  for (const owner of ['node', 'node:node', '0:0', '']) {
    const spec = specOf(owner);
    await makeVolume(engine, spec);
    t.equal(await ownerOf(spec.name), '0:0', owner);
    t.equal(await isOurVolume(engine, spec.name, owner), true);
  }
});

t.test('a volume of another origin is not ours and is never removed', async (t) => {
  const spec = specOf('999:999');
  await engine.volumes.create(spec.name);
  t.equal(await isOurVolume(engine, spec.name, spec.owner), false);
  await removeVolumeMadeBy(engine, spec.name, spec.operation);
  t.ok(await engine.volumes.inspect(spec.name));
});

t.test('only the operation that made it removes it', async (t) => {
  const spec = specOf('999:999', 'install-1');
  await makeVolume(engine, spec);
  await removeVolumeMadeBy(engine, spec.name, 'install-2');
  t.ok(await engine.volumes.inspect(spec.name));
  await removeVolumeMadeBy(engine, spec.name, 'install-1');
  t.equal(await engine.volumes.inspect(spec.name), undefined);
  await removeVolumeMadeBy(engine, spec.name, 'install-1');
});
