// Every environment variable that the program or the installer reads is in the documents, and nothing else is.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectFiles, root } from './sources.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

t.test('docs/environment.md names each variable of the program and the installer', async (t) => {
  const sources = projectFiles().filter((path) => /^(src|installer)\//.test(path));
  const used = new Set(sources.flatMap((path) => read(path).match(/\bONSTEAD_[A-Z_]+\b/g) ?? []));
  const listed = new Set(read('docs/environment.md').match(/\bONSTEAD_[A-Z_]+\b/g));
  t.ok(used.size > 0);
  t.strictSame([...listed].toSorted(), [...used].toSorted());
});
