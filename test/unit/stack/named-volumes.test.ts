// After a restore the stack's files name another volume, and are otherwise what they were.

import t from 'tap';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, withVolumes } from '../../../src/stack/index.ts';
import { inputFor, releaseText } from './lab.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const input = inputFor(release);
const files = renderStack(input, releaseText);

t.test('files with other volumes are what rendering them would give, to the byte', async (t) => {
  const other = { 'mysql-data': 'trial-project_mysql-data.rollback-1' };
  const rendered = renderStack({ ...input, volumes: { ...input.volumes, ...other } }, releaseText);
  t.strictSame([...withVolumes(files, other)], [...rendered]);
  t.notSame([...rendered], [...files]);
  t.strictSame([...withVolumes(rendered, input.volumes)], [...files], 'and back again');
});

t.test('volumes that the files do not have are passed over', async (t) => {
  t.strictSame([...withVolumes(files, { absent: 'x' })], [...files]);
  t.strictSame([...withVolumes(files, {})], [...files]);
});
