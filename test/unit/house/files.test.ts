// How files are named and opened, and what may not stand in any of them.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { projectFiles, readSources, root } from './sources.ts';

const code = readSources((path) => path.startsWith('src/') && path.endsWith('.ts'));
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|case))?\.ts$/;
const DEFAULT_EXPORT = /^\s*export default\b|^\s*export\s*\{[^}]*\bas default\b/m;
const DRAWER_NAMES = /^(utils?|helpers?|misc|common)\.ts$/;

const broken = (sentence: string, isBroken: (path: string, text: string) => boolean): string[] =>
  [...code].filter(([path, text]) => isBroken(path, text)).map(([path]) => `${path} ${sentence}`);

t.test('every source file opens with a comment that says what it promises', async (t) => {
  t.strictSame(
    broken('does not open with a comment.', (_, text) => !/^(\/\/ |\/\*)/.test(text.replace(/^#!.*\n/, ''))),
    [],
  );
});

t.test('no source file has a default export', async (t) => {
  t.match('export default class', DEFAULT_EXPORT);
  t.match('export { x as default };', DEFAULT_EXPORT);
  t.strictSame(
    broken('has a default export; name it.', (_, text) => DEFAULT_EXPORT.test(text)),
    [],
  );
});

t.test('no file is a drawer for everything', async (t) => {
  t.strictSame(
    broken('is a drawer; name the file for what it holds.', (path) => DRAWER_NAMES.test(basename(path))),
    [],
  );
});

t.test('files are named in kebab-case', async (t) => {
  const wrong = projectFiles().filter((path) => /^(src|test|compose)\//.test(path) && path.endsWith('.ts'));
  t.strictSame(
    wrong.filter((path) => !KEBAB.test(basename(path))).map((path) => `${path} is not named in kebab-case.`),
    [],
  );
});

t.test("no file names this machine's package registry or mirror", async (t) => {
  const needles = configuredSites();
  t.ok(needles.length > 0, 'npm has a registry');
  t.strictSame(filesHolding(needles), []);
});

t.test('no file names the folder that it was checked out in', async (t) => {
  // A folder right below the root, such as /app, is too common a path to look for.
  const isTelling = root.split('/').length > 2;
  t.strictSame(isTelling ? filesHolding([`${root}/`]) : [], []);
});

/** The sentences name the file only: the host itself has no place in a log either. */
function filesHolding(needles: readonly string[]): string[] {
  return projectFiles()
    .filter((path) => {
      const text = readFileSync(join(root, path), 'latin1');
      return needles.some((needle) => text.includes(needle));
    })
    .map((path) => `${path} holds an address or a path of this machine.`);
}

function configuredSites(): string[] {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', stdio: 'pipe' });
  return [registry, ...aptSites()].map((line) => line.trim()).flatMap((line) => needleOf(line) ?? []);
}

function aptSites(): string[] {
  try {
    const args = ['indextargets', '--format', '$(SITE)'];
    return [...new Set(execFileSync('apt-get', args, { encoding: 'utf8', stdio: 'pipe' }).split('\n'))];
  } catch {
    return []; // no apt on this machine
  }
}

/** A host that means every machine is looked for with its whole address. */
function needleOf(site: string): string | undefined {
  if (!URL.canParse(site)) return undefined;
  const { host, hostname, pathname } = new URL(site);
  if (host === '') return undefined;
  return /^(localhost|127\.|\[?::1)/.test(hostname) ? `${host}${pathname}` : host;
}
