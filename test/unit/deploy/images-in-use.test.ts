// An image goes only where nobody names it: neither the stack, one that is kept or tried, nor another operation.

import { join } from 'node:path';
import t from 'tap';
import { pathsUnder } from '../../../src/base/paths.ts';
import { removeUnusedImages } from '../../../src/deploy/images-in-use.ts';
import type { DeployTools } from '../../../src/deploy/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { renderStack, scratchPlaceOf, writeStack, type StackFiles } from '../../../src/stack/index.ts';
import { openJournal } from '../journal/lab.ts';
import { inputFor, releaseText } from '../stack/lab.ts';

const tagOf = (name: string): string => `onstead.test/app:sha256-${name}`;
const filesOf = (name: string): StackFiles => {
  const input = inputFor(parseRelease(releaseText, 'compose.yaml'));
  return renderStack({ ...input, images: { ...input.images, app: tagOf(name) } }, releaseText);
};

t.test('what one operation loaded stays where another goes by it', async (t) => {
  const { journal, folder } = await openJournal(t);
  const paths = pathsUnder(folder);
  const gone: string[] = [];
  const images = { remove: async (tag: string) => void gone.push(tag) };
  const tools = { journal, paths, engine: async () => ({ images }) } as unknown as DeployTools;
  const begin = (kind: string, ...names: string[]): string => {
    const input = { images: names.map((name) => ({ tag: tagOf(name) })) };
    return journal.create({
      kind,
      title: kind,
      input: {},
      steps: [{ type: 'load-images', title: '', input }],
    }).id;
  };
  await writeStack(paths.stack, filesOf('runs'));
  await writeStack(join(paths.points, 'upgrade-1/stack'), filesOf('kept'));
  await writeStack(scratchPlaceOf(paths, 'drill').stack, filesOf('tried'));
  const rehearsal = begin('rehearsal', 'rehearsed', 'both');
  const upgrade = begin('upgrade', 'both', 'coming');
  const all = ['runs', 'kept', 'tried', 'rehearsed', 'both', 'coming', 'nobodys'].map(tagOf);
  t.strictSame(await removeUnusedImages(tools, rehearsal, all), ['rehearsed', 'nobodys'].map(tagOf));
  t.strictSame(await removeUnusedImages(tools, upgrade, all), ['coming', 'nobodys'].map(tagOf));
  t.strictSame(gone, ['rehearsed', 'nobodys', 'coming', 'nobodys'].map(tagOf));
});
