// Every test file is run by exactly one ring, so that none is green because nobody ran it.

import t from 'tap';
import { filesOf, RINGS } from '../../runner/rings.ts';
import { projectFiles, root } from './sources.ts';

t.test('every test file is in exactly one ring', async (t) => {
  const where = { root, testFolder: 'test', suffix: '.test.ts' };
  const inRings = (await Promise.all(RINGS.map((ring) => filesOf(ring, where)))).flat().sort();
  const all = projectFiles().filter((path) => /\.test\.[cm]?[jt]sx?$/.test(path));
  t.ok(all.length > 0);
  for (const path of all) {
    const count = inRings.filter((each) => each === path).length;
    t.equal(count, 1, `${path} is in ${count} rings; put it under the folder of one, named *.test.ts`);
  }
});

t.test('a file that runs first or alone is one of its ring', async (t) => {
  const where = { root, testFolder: 'test', suffix: '.test.ts' };
  for (const ring of RINGS) {
    const files = await filesOf(ring, where);
    for (const path of [...ring.first, ...ring.alone])
      t.ok(files.includes(`test/${path}`), `${ring.name} has no ${path}`);
  }
  t.ok(RINGS.some(({ alone }) => alone.length > 0));
});
