// What an undo puts back into the stack's folder: the files of before, on the volumes of now.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { writeDataFact } from '../../../src/deploy/facts.ts';
import { pointStack } from '../../../src/deploy/points.ts';
import { putStackBack } from '../../../src/deploy/upgrade/put-stack-back.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { keepStack, readStack, renderStack, writeStack } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const files = renderStack(inputFor(parseRelease(releaseText, 'compose.yaml')), releaseText);

t.test('files of before name the volume that a restore made since', async (t) => {
  const { journal, folder } = await openJournal(t);
  const tools = { journal, paths: pathsUnder(folder) };
  await putStackBack(tools, 'trial', 'upgrade-1');
  await t.rejects(readStack(tools.paths.stack), 'nothing was kept, so nothing is written');
  await writeStack(tools.paths.stack, files);
  await keepStack(tools.paths.stack, pointStack(tools, 'upgrade-1'));
  await writeStack(
    tools.paths.stack,
    new Map([...files, ['compose.yaml', releaseText.replace('3000', '3001')]]),
  );
  await putStackBack(tools, 'trial', 'upgrade-1');
  t.strictSame(await readStack(tools.paths.stack), files);
  writeDataFact(journal, 'trial', 'volumes', { 'mysql-data': 'trial_mysql-data.upgrade-1' });
  await putStackBack(tools, 'trial', 'upgrade-1');
  const text = await readFile(join(tools.paths.stack, 'compose.override.yaml'), 'utf8');
  t.match(text, 'name: trial_mysql-data.upgrade-1');
  t.equal((await readStack(tools.paths.stack)).get('compose.yaml'), releaseText);
});
