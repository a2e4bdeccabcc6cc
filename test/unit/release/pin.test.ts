// Digests written into a vendor's file, and nothing else changed.

import t from 'tap';
import { contentTag, parseReference, pinnedReference } from '../../../src/release/index.ts';
import { pinImages } from '../../../src/release/pin.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

t.test(
  'an image is pinned wherever it stands: plain, quoted, in a flow map, behind an anchor or merge key',
  async (t) => {
    const text = `# top
x-base: &base { image: old:1, restart: always }
services:
  a:   { image: 'old:2' }   # kept
  b:
    <<: *base
  c: { image: &img "old:3" }
  d: { image: *img }
`;
    const images = new Map([
      ['a', 'new:2'],
      ['b', 'new:1'],
      ['c', 'new:3'],
      ['d', 'new:3'],
    ]);
    t.equal(
      pinImages(text, images),
      text.replace('old:1', '"new:1"').replace("'old:2'", '"new:2"').replace('"old:3"', '"new:3"'),
    );
    images.set('d', 'another:3');
    t.throws(() => pinImages(text, images), { code: 'release.image', next: /each of these/ });
  },
);

t.test('references are taken apart and put together', async (t) => {
  const parts = parseReference('registry.example.com:5000/a/b_c:1.0');
  t.strictSame(parts, { repository: 'registry.example.com:5000/a/b_c', tag: '1.0' });
  t.equal(pinnedReference(parts, digest), `registry.example.com:5000/a/b_c:1.0@${digest}`);
  t.equal(contentTag(parts.repository, digest), `registry.example.com:5000/a/b_c:sha256-${'ab'.repeat(10)}`);
  t.strictSame(parseReference(`a@${digest}`), { repository: 'a', digest });
  for (const bad of ['', 'A', 'a:', 'a b', 'a@sha256:12', '-a', 'a//b', `a@${digest}x`, 'x'.repeat(600)]) {
    t.throws(() => parseReference(bad), { code: 'release.image' }, bad);
  }
});
