// Where collectors look: files under one root (so that a test can build a machine in a folder) and programs.
// What is there but may not be read is remembered in `unseen`, so that nobody mistakes "denied" for "absent".

import { access, constants, lstat, readFile, readdir, readlink, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { messageOf, systemCode } from '../base/errors.ts';
import { run, type RunResult } from '../base/process.ts';

export interface Source {
  readonly unseen: string[];
  readonly signal: AbortSignal;
  /** Where a path of the machine is on this file system. */
  at(path: string): string;
  text(path: string): Promise<string | undefined>;
  list(path: string): Promise<readonly string[]>;
  link(path: string): Promise<string | undefined>;
  /** The path with every link followed, as the machine names it. */
  real(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  /** Where a program is, if anywhere; a path is only tried itself. */
  which(program: string): Promise<string | undefined>;
  /** Its result whatever the exit code, or undefined where the program is missing or hangs. */
  command(program: string, args: readonly string[]): Promise<RunResult | undefined>;
}

const BIN_FOLDERS = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/snap/bin',
];
const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ESRCH', 'EINVAL', 'ENODEV', 'ENXIO', 'EIO', 'EOPNOTSUPP']);

export function createSource(root = '/', signal: AbortSignal = new AbortController().signal): Source {
  const unseen: string[] = [];
  const at = (path: string): string => (root === '/' ? path : join(root, path));
  const orNone = async <T>(path: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      const code = systemCode(error);
      if (code !== undefined && ABSENT.has(code)) return undefined;
      note(unseen, `${path} could not be read: ${code ?? messageOf(error)}.`);
      return undefined;
    }
  };

  return {
    unseen,
    signal,
    at,
    text: (path) => orNone(path, () => readFile(at(path), 'utf8')),
    list: async (path) => (await orNone(path, () => readdir(at(path)))) ?? [],
    link: (path) => orNone(path, () => readlink(at(path))),
    real: (path) => orNone(path, async () => within(root, await realpath(at(path)))),
    exists: async (path) => (await orNone(path, () => lstat(at(path)))) !== undefined,
    async which(program) {
      if (program.startsWith('/')) return (await canRun(at(program))) ? program : undefined;
      for (const folder of new Set([...(process.env['PATH'] ?? '').split(':'), ...BIN_FOLDERS])) {
        if (!folder.startsWith('/')) continue;
        const path = join(folder, program);
        if (await canRun(at(path))) return path;
      }
      return undefined;
    },
    async command(program, args) {
      const path = await this.which(program);
      if (path === undefined) return undefined;
      try {
        const env = { ...process.env, LC_ALL: 'C' };
        return await run(at(path), args, { accept: ANY_CODE, timeoutMs: 1_500, signal, env });
      } catch (error) {
        note(unseen, `${program} gave no answer: ${messageOf(error)}.`);
        return undefined;
      }
    },
  };
}

/** Machine paths, not paths under a test's root. */
async function within(root: string, path: string): Promise<string> {
  return root === '/' ? path : join('/', relative(await realpath(root), path));
}

async function canRun(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function note(notes: string[], sentence: string): void {
  if (notes.length < 20 && !notes.includes(sentence)) notes.push(sentence);
}
