// Whose versions are cleared away, and when: what is really removed is seen in test/deep/restore-point-objects.test.ts.

import t from 'tap';
import { createLogger } from '../../../src/base/log.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { writeFact, type VersionsOf } from '../../../src/deploy/facts.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { clearVersions } from '../../../src/deploy/object-versions.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, writeStack } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const buckets = release.services.flatMap((one) => (one.role === 'minio' ? one.buckets : []));

/** Whether anybody looked for the object store. */
async function asksStore(
  t: { teardown(end: () => unknown): void },
  { whose, isBusy = false }: { readonly whose?: VersionsOf; readonly isBusy?: boolean },
): Promise<boolean> {
  const { journal, folder, clock } = await openJournal(t);
  const paths = pathsUnder(folder);
  await writeStack(paths.stack, renderStack(inputFor(release), releaseText));
  writeFact(journal, 'installed', {
    ...{ product: 'notes', title: 'Notes', version: '1.0.0', project: 'trial', keyId: 'KEY', bundle: 'b' },
    installedAt: '2026-11-20T00:00:00Z',
  });
  if (whose !== undefined) {
    const found = buckets.map((bucket) => [`minio/${bucket}`, whose]);
    writeFact(journal, 'versions', Object.fromEntries(found));
  }
  if (isBusy) journal.create({ kind: 'upgrade', title: 'Upgrade', input: {}, steps: [] });
  let hasAsked = false;
  const list = async (): Promise<[]> => {
    hasAsked = true;
    return []; // it does not run, and is passed over
  };
  const tools = {
    ...{ journal, paths, clock, log: createLogger('silent') },
    engine: async () => ({ containers: { list } }),
  } as unknown as DeployTools;
  await clearVersions(tools, async () => [], new AbortController().signal);
  return hasAsked;
}

t.test('versions that are there for restore points are cleared away', async (t) => {
  t.equal(await asksStore(t, { whose: 'ours' }), true);
});

t.test(
  'a bucket that kept versions by itself is left alone, and so is one that nobody knows of',
  async (t) => {
    t.equal(await asksStore(t, { whose: 'theirs' }), false);
    t.equal(await asksStore(t, {}), false);
  },
);

t.test('nothing is cleared away while an operation is not over', async (t) => {
  t.equal(await asksStore(t, { whose: 'ours', isBusy: true }), false);
});
