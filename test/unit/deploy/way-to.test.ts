// Which bundle may follow: after a way back what runs counts, not what was there for a while.

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { upgradeExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { clearFact, writeFact } from '../../../src/deploy/facts.ts';
import { rememberSeen } from '../../../src/deploy/seen-versions.ts';
import { wayTo } from '../../../src/deploy/way-to.ts';
import type { VerifiedBundle } from '../../../src/release/index.ts';
import { openJournal } from '../journal/lab.ts';

const installed = (version: string) => ({
  ...{ product: 'notes', title: 'Notes', version, project: 'notes', keyId: 'KEY', bundle: version },
  installedAt: '2026-11-20T00:00:00Z',
});
const context = {
  ...{ operation: 'x', signal: new AbortController().signal, progress: () => {}, note: () => {} },
};

async function appliance(t: Parameters<typeof openJournal>[0], version: string) {
  const { journal, folder, clock } = await openJournal(t);
  const tools = { journal, clock, paths: pathsUnder(folder) } as unknown as DeployTools;
  await mkdir(dirname(tools.paths.seen), { recursive: true });
  const commit = upgradeExecutors(tools)['commit-upgrade'];
  const release = installed(version);
  writeFact(journal, 'installed', release);
  await rememberSeen(tools.paths, release);
  const way = async (to: string, keyId = 'KEY'): Promise<string> => {
    const upgrade = { stops: [] };
    const bundle = { release: { product: 'notes', version: to, upgrade }, signedBy: { keyId } };
    return wayTo(tools, bundle as unknown as VerifiedBundle).then(
      ({ kind }) => kind,
      (error: { code: string }) => error.code,
    );
  };
  return { journal, commit, way };
}

t.test('after a rollback the installed bundle and a hotfix are taken, an older one is not', async (t) => {
  const { journal, commit, way } = await appliance(t, '1.0.0');
  await commit.apply({ installed: installed('1.1.0'), from: installed('1.0.0') }, context);
  t.equal(await way('1.0.1'), 'bundle.older');
  await commit.apply({ installed: installed('1.0.0'), from: installed('1.1.0'), isBack: true }, context);
  t.equal(await way('1.0.0'), 'same');
  t.equal(await way('1.0.1'), 'upgrade');
  t.equal(await way('1.1.0'), 'upgrade', 'what was gone back from needs no word');
  t.equal(await way('0.9.0'), 'bundle.older');
  t.equal(await way('0.9.0', 'OTHER'), 'release.downgrade');
  clearFact(journal, 'installed');
  t.equal(await way('1.0.1'), 'install', 'onto data that was kept');
  t.equal(await way('0.9.0'), 'bundle.older');
});

t.test('an upgrade that is taken back after it was recorded leaves no trace of its version', async (t) => {
  const { commit, way } = await appliance(t, '1.0.0');
  const input = { installed: installed('1.1.0'), from: installed('1.0.0') };
  await commit.apply(input, context);
  await commit.undo!(input, context);
  t.equal(await way('1.0.1'), 'upgrade');
});

t.test('a rollback that is taken back remembers the newer version again', async (t) => {
  const { commit, way } = await appliance(t, '1.1.0');
  const input = { installed: installed('1.0.0'), from: installed('1.1.0'), isBack: true as const };
  await commit.apply(input, context);
  await commit.undo!(input, context);
  t.equal(await way('1.0.1'), 'bundle.older');
});
