// A customer takes a release while its rehearsal still goes on, and the daemon is killed in the middle of both: each waits for
// the other at the data, both end well, and nothing of the rehearsal is left.

import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { JournalEvent, Note, StatusAnswer } from '../../src/api/schemas.ts';
import { lockData } from '../../src/stack/index.ts';
import { isWhole, notesIn } from '../e2e/crash/upgrade-lab.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(590_000);

const appliance = await installedAppliance(t, await demoBundle('1.0.0'), '{ readyWithin: 60s, soak: 3s }');
const { engine, project, paths } = appliance;

async function begun(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.onstead([...command, '--detach', '--json']);
  if (code !== 0) throw new Error(stdout + stderr);
  return (JSON.parse(stdout) as { operation: JournalEvent['operation'] }).operation;
}

/** What it says while it waits. */
async function waitingOf(id: string): Promise<string> {
  for (;;) {
    const notes = await appliance.client.get<Note[]>(`/api/operations/${id}/notes`);
    const said = notes.findLast(({ text }) => text.startsWith('Waiting: '));
    if (said !== undefined) return said.text;
    await sleep(200);
  }
}

const status = async (): Promise<StatusAnswer> =>
  JSON.parse((await appliance.onstead(['status', '--json'])).stdout) as StatusAnswer;

t.test('a rehearsal and the upgrade that it is of take turns, also after a kill', async (t) => {
  const { path } = await demoBundle('1.1.0');
  const users = await startUsers(appliance);
  const [rehearsal, upgrade] = await lockData(paths, async () => {
    const first = await begun('rehearse', path);
    t.match(await waitingOf(first), /somebody else is at the data/);
    const second = await begun('upgrade', path, '--yes');
    t.match(await waitingOf(second), new RegExp(`Rehearse the upgrade .*\\(${first}\\) is at the data`));
    const both = await status();
    t.strictSame(
      both.operations.map(({ id, lane }) => [id, lane]),
      [
        [second, 'stack'],
        [first, 'copy'],
      ],
    );
    t.match(both.sentence, /^Upgrade .*: under way\.$/);
    const shown = await appliance.onstead(['operations', 'show']);
    t.match(shown.stdout, /^Upgrade /, 'of two the one that changes the stack');
    const refused = await appliance.onstead(['rehearse', (await demoBundle('migration-fails')).path]);
    t.match(refused.stderr, new RegExp(`^error: "Upgrade .*" \\(${second}\\) is running`));
    await appliance.stop('SIGKILL');
    return [first, second];
  });
  await appliance.start();
  const ends = await Promise.all(
    [rehearsal, upgrade].map((id) => appliance.onstead(['operations', 'show', id!, '--follow'])),
  );
  for (const { code, stdout, stderr } of ends) t.equal(code, 0, stdout + stderr);
  const seen = await users.stop();
  t.strictSame(seen.failures, []);
  const notes = new Set(await notesIn(appliance));
  t.strictSame(
    seen.made.filter((id) => !notes.has(id)),
    [],
  );
  await isWhole(t, appliance, { version: '1.1.0', schema: 2 });
});

t.test('nothing of the rehearsal is left, and the way back is whole', async (t) => {
  t.strictSame(await engine.containers.list({ project: `${project}-rehearsal` }), []);
  t.strictSame(await engine.volumes.list({ labels: [`onstead.project=${project}-rehearsal`] }), []);
  const { mountpoint } = (await engine.volumes.inspect(`${project}_points`))!;
  t.strictSame(await readdir(mountpoint), await readdir(paths.points), 'the copy of the way back alone');
  const { code, stdout, stderr } = await appliance.onstead(['rollback', '--yes']);
  t.equal(code, 0, stdout + stderr);
  await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
});
