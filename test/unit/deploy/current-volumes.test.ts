// Which volumes hold the data is known by project: a scratch stack's never stand for the running one's.

import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { nameVolumes, volumeNameOf } from '../../../src/deploy/current-volumes.ts';
import { readDataFact, writeDataFact } from '../../../src/deploy/facts.ts';
import { scratchTools } from '../../../src/deploy/rehearsal/scratch-tools.ts';
import { type DeployTools } from '../../../src/deploy/index.ts';
import { openDatabase, Journal } from '../../../src/journal/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { overrideFile } from '../../../src/stack/folder.ts';
import { readStack, renderStack, writeStack } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const key = 'mysql-data';
const files = renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText);

t.test('a restore in a scratch stack leaves the running stack on its own volumes', async (t) => {
  const { journal, folder } = await openJournal(t);
  const tools = { journal, paths: pathsUnder(folder) } as DeployTools;
  for (const kind of ['rehearsal', 'drill'] as const) {
    const scratch = scratchTools(tools, kind);
    await writeStack(tools.paths.stack, files);
    await writeStack(scratch.paths.stack, files);
    await nameVolumes(scratch, `trial-${kind}`, { [key]: `trial-${kind}_${key}.x` });
    t.equal(volumeNameOf(journal, 'trial', key), `trial_${key}`);
    t.equal(volumeNameOf(journal, `trial-${kind}`, key), `trial-${kind}_${key}.x`);
    t.strictSame(await readStack(tools.paths.stack), files);
    t.match((await readStack(scratch.paths.stack)).get(overrideFile), `name: trial-${kind}_${key}.x`);
  }
  writeDataFact(journal, 'trial-drill', 'restored', { operation: 'drill-1', before: {} });
  t.equal(readDataFact(journal, 'trial', 'restored'), undefined);
});

t.test('scratch stacks of two kinds share no folder, no secrets and no project', async (t) => {
  const paths = pathsUnder('/x');
  const tools = { paths } as DeployTools;
  const [one, other] = [scratchTools(tools, 'rehearsal').paths, scratchTools(tools, 'drill').paths];
  t.not(one.stack, other.stack);
  t.not(one.unsealed, other.unsealed);
  for (const { stack, unsealed } of [one, other]) {
    t.ok(stack.startsWith(join(paths.scratch, '/')));
    t.ok(unsealed.startsWith(join(paths.scratchUnsealed, '/')));
  }
});

t.test('what an older state says of the volumes counts for the installed project', async (t) => {
  const { journal, path, db, clock } = await openJournal(t);
  journal.setFact('installed', { project: 'trial' });
  journal.setFact('volumes', { [key]: `trial_${key}.upgrade-1` });
  db.pragma('user_version = 1');
  const newer = openDatabase(path);
  t.teardown(() => newer.close());
  t.equal(volumeNameOf(new Journal(newer, clock), 'trial', key), `trial_${key}.upgrade-1`);
});
