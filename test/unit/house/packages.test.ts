// What the project depends on: exact versions, a reason for each, and no host in the lock file.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectFiles, root } from './sources.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifests = projectFiles().filter(
  (path) => /(^|\/)package\.json$/.test(path) && !path.includes('fixtures/'),
);
const locks = projectFiles().filter((path) => /(^|\/)package-lock\.json$/.test(path));

function versionsOf(path: string): [string, string][] {
  const manifest = JSON.parse(read(path));
  return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
}

t.test('every version is exact', async (t) => {
  const loose = manifests.flatMap((path) =>
    versionsOf(path)
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${path}: "${name}" is "${version}"; write one exact version.`),
  );
  t.strictSame(loose, []);
});

t.test('the lock files name no host', async (t) => {
  t.ok(locks.length > 0, 'there is a lock file');
  const naming = locks.flatMap((path) =>
    Object.entries<{ resolved?: string }>(JSON.parse(read(path)).packages)
      .filter(([, { resolved }]) => /^\w+(\+\w+)?:\/\//.test(resolved ?? ''))
      .map(([name]) => `${path}: "${name}" says where it came from; set omit-lockfile-registry-resolved.`),
  );
  t.strictSame(naming, []);
});

t.test('every dependency has its line in docs/decisions/dependencies.md', async (t) => {
  const lines = read('docs/decisions/dependencies.md').split('\n');
  const missing = manifests.flatMap((path) =>
    versionsOf(path)
      .filter(([name]) => !lines.some((line) => line.startsWith(`- \`${name}\`: `)))
      .map(([name]) => `${path}: "${name}" has no line in docs/decisions/dependencies.md.`),
  );
  t.strictSame(missing, []);
});

t.test('every line there is for something that is used', async (t) => {
  const used = new Set(manifests.flatMap((path) => versionsOf(path).map(([name]) => name)));
  const listed = [...read('docs/decisions/dependencies.md').matchAll(/^- `([^`]+)`: /gm)].map(
    (match) => match[1]!,
  );
  t.strictSame(
    listed.filter((name) => !used.has(name)),
    [],
  );
});
