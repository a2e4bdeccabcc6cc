// The shape of one CLI verb. Each stands in its own file under verbs/ and says all of its help itself.

import type { ParseArgsOptionsConfig } from 'node:util';
import type { Paths } from '../base/paths.ts';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands after the flag in the help, for example `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbInput {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly terminal: Terminal;
  readonly paths: Paths;
  /** Connects to the daemon; verbs that need none never touch it. */
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Runs the daemon until it is told to stop. */
  readonly serve: () => Promise<void>;
}

export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly flags: Readonly<Record<string, Flag>>;
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** How many words may follow the verb. */
  readonly minArgs?: number;
  readonly maxArgs: number;
  /** What --json prints, where it is not one answer. */
  readonly json?: string;
  run(input: VerbInput): Promise<number | void>;
}

export const commonFlags: Readonly<Record<string, Flag>> = {
  json: { type: 'boolean', help: 'Print the answer as JSON.' },
  help: { type: 'boolean', short: 'h', help: 'Show this help.' },
};

/** Of a verb that stays with an operation to its end. */
export const jsonOfFollowed =
  'Print the answer as JSON. While an operation is followed: one JSON object a line for each event, the last with "type": "result" and the operation.';

export function flagsOf({ flags, json }: Verb): Readonly<Record<string, Flag>> {
  const { json: plain, ...others } = commonFlags;
  return { ...flags, json: { ...plain!, ...(json === undefined ? {} : { help: json }) }, ...others };
}

export function parseOptionsOf(verb: Verb): ParseArgsOptionsConfig {
  const all = flagsOf(verb);
  return Object.fromEntries(
    Object.entries(all).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
}

export function textFlag(input: VerbInput, name: string): string | undefined {
  const value = input.flags[name];
  return typeof value === 'string' ? value : undefined;
}

export function listFlag(input: VerbInput, name: string): string[] {
  const value = input.flags[name];
  return Array.isArray(value) ? value.map(String) : [];
}

export function isSet(input: VerbInput, name: string): boolean {
  return input.flags[name] === true;
}
