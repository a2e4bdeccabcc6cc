// The reference page of x-onstead knows every key, as the schema does.

import { readFile } from 'node:fs/promises';
import t from 'tap';
import { parseRelease } from '../../../src/release/index.ts';
import { ALLOWANCES } from '../../../src/release/schema-services.ts';
import { rowsOf, SECTIONS } from './reference-rows.ts';

const page = await readFile(new URL('../../../docs/release-reference.md', import.meta.url), 'utf8');
/** However the formatter sets the columns. */
const squeezed = (text: string): string => text.replace(/ +/g, ' ');

function section(heading: string): string {
  const [, after = ''] = page.split(`\n${heading}\n`);
  return squeezed(after.split(/\n##/)[0]!);
}

for (const { heading, schema } of SECTIONS) {
  t.test(`"${heading}" lists every key of the schema and no other`, async (t) => {
    const rows = section(heading)
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    t.strictSame(rows, rowsOf(schema).map(squeezed));
  });
}

t.test('every permission is explained', async (t) => {
  for (const allowance of ALLOWANCES) t.match(page, `\n- \`${allowance}\`: `);
});

t.test('the example of the page is a release', async (t) => {
  const text = /```yaml\n(.*?)```/s.exec(page)![1]!;
  const release = parseRelease(text, 'docs/release-reference.md');
  t.strictSame(release.warnings, []);
});
