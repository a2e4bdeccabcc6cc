// The documents: links that lead somewhere, decisions that are in their index.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { projectFiles, readSources, root } from './sources.ts';

const documents = readSources((path) => path.endsWith('.md'));

/** Links to files; code blocks hold examples. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map((match) => match[1]!);
}

t.test('every relative link in a document leads to a file', async (t) => {
  const dead = [...documents].flatMap(([path, text]) =>
    linksOf(text)
      .filter((link) => !/^([a-z]+:|#|\/\/)/i.test(link))
      .filter((link) => !existsSync(join(root, dirname(path), decodeURIComponent(link.split('#')[0]!))))
      .map((link) => `${path} links to ${link}, which does not exist.`),
  );
  t.strictSame(dead, []);
});

t.test('a dead link would be seen, and an example in code would not', async (t) => {
  t.strictSame(linksOf('see [this](no-such.md#part) and `[x](y.md)`\n```\n[z](w.md)\n```\n'), [
    'no-such.md#part',
  ]);
});

t.test('every decision is in the index of decisions', async (t) => {
  const index = readFileSync(join(root, 'docs/decisions/README.md'), 'utf8');
  const decisions = projectFiles().filter((path) => /^docs\/decisions\/.+\.md$/.test(path));
  const missing = decisions
    .map((path) => path.slice('docs/decisions/'.length))
    .filter((name) => name !== 'README.md');
  t.strictSame(
    missing.filter((name) => !index.includes(`(${name})`)),
    [],
  );
});
