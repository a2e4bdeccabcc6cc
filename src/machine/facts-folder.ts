// Reads a folder of facts, wherever it was collected. What does not fit its schema is refused by file and field.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TSchema } from '../base/schema.ts';
import { OnsteadError, messageOf, systemCode } from '../base/errors.ts';
import { FACTS, FACT_NAMES, FactsFile, type FactName, type MachineFacts } from './facts.ts';

const LARGEST_FILE_BYTES = 8 * 1024 * 1024;

export async function readFacts(folder: string): Promise<MachineFacts> {
  await requireFolder(folder);
  const facts: Record<string, unknown> = {};
  const missing: Record<string, string> = {};
  const unseen: Record<string, readonly string[]> = {};
  for (const name of FACT_NAMES) {
    const file = await readOne(folder, name);
    if (file === undefined) missing[name] = `${name}.json is not among the collected facts`;
    else if ('error' in file) missing[name] = file.error;
    else {
      facts[name] = file.facts;
      if (file.unseen.length > 0) unseen[name] = file.unseen;
    }
  }
  // Each entry was checked against its own schema below.
  return { ...facts, missing, unseen } as MachineFacts;
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    throw new OnsteadError(
      'facts.unreadable',
      `The facts folder ${folder} cannot be read: ${messageOf(cause)}.`,
      {
        next: 'Name a folder that facts were collected into.',
        cause,
      },
    );
  });
  if (found.isDirectory()) return;
  throw new OnsteadError('facts.unreadable', `${folder} is not a folder of facts.`, {
    next: 'Name a folder that facts were collected into.',
  });
}

async function readOne(folder: string, name: FactName): Promise<FactsFile | undefined> {
  const path = join(folder, `${name}.json`);
  const text = await textOf(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(path, 'it is not JSON, or it was cut short', cause);
  }
  const file = await checked<FactsFile>(FactsFile, value, path);
  if ('facts' in file) await checked(FACTS[name], file.facts, path);
  return file;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw malformed(path, 'it is not a plain file');
    if (found.size > LARGEST_FILE_BYTES) throw malformed(path, 'it is far too large');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function checked<T>(schema: TSchema, value: unknown, path: string): Promise<T> {
  // Loaded where facts are read and nowhere else: the daemon has a child do that.
  const { Check, Errors } = await import('typebox/value');
  // The schema says what T is; the caller names it.
  if (Check(schema, value)) return value as T;
  const first = Errors(schema, value)[0];
  const field = first?.instancePath.slice(1).replaceAll('/', '.') || 'the whole';
  throw malformed(path, `${field} ${first?.message ?? 'has the wrong shape'}`);
}

function malformed(path: string, why: string, cause?: unknown): OnsteadError {
  return new OnsteadError('facts.malformed', `The facts file ${path} cannot be used: ${why}.`, {
    next: 'Collect the facts again; nothing was judged from this file.',
    cause,
  });
}
