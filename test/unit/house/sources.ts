// The project's own files as the house tests see them: tracked by git, or new and not ignored.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Path from the root → text. */
export type Sources = ReadonlyMap<string, string>;

export function projectFiles(): string[] {
  // A clone that another user made is still this project.
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return listed
    .split('\0')
    .filter((path) => path !== '' && isFile(path))
    .sort();
}

export function isFile(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

export function readSources(isWanted: (path: string) => boolean): Sources {
  const wanted = projectFiles().filter(isWanted);
  return new Map(wanted.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

export interface Import {
  readonly from: string;
  /** A path from the root for a file of ours, otherwise the package's or module's name. */
  readonly to: string;
  readonly isOurs: boolean;
}

const STATEMENT = /(?:^|\n)[ \t]*(?:import|export)\s+(?:type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"\n]+)['"]/g;
const CALL = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;
/** A worker or a child process started from a file of ours depends on it as an import does. */
const FILE_URL = /new URL\(\s*['"](\.{1,2}\/[^'"\n]+\.ts)['"],\s*import\.meta\.url/g;

export function importsOf(path: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [STATEMENT, CALL, FILE_URL]
    .flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
    .map((target) => {
      const isOurs = target.startsWith('.');
      return { from: path, to: isOurs ? posix.join(posix.dirname(path), target) : target, isOurs };
    });
}
