// argv → one verb → an exit code. Errors leave here as one sentence and the next action.

import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isOnsteadError, messageOf, OnsteadError, reportOf } from '../base/errors.ts';
import { exitCodeFor, exitCodeOf } from './exit-codes.ts';
import { detailInWords } from './detail.ts';
import { withSettingsMistake } from './no-daemon.ts';
import { printOverview, printVerbHelp } from './help.ts';
import { Terminal, type TerminalStreams } from './terminal.ts';
import { parseOptionsOf, type Verb, type VerbInput } from './verb.ts';
import { verbs } from './verbs/index.ts';

export type Surroundings = Pick<VerbInput, 'client' | 'paths' | 'serve' | 'signal'>;

export async function runCli(
  argv: readonly string[],
  streams: TerminalStreams,
  around: Surroundings,
): Promise<number> {
  const readerGone = new AbortController();
  const terminal = new Terminal(streams, argv.includes('--json'), () => readerGone.abort());
  const code = await runWords(argv, terminal, around, readerGone);
  await setImmediate(); // a stream tells its trouble a moment after the write
  if (terminal.unwritable === undefined) return code;
  terminal.complain(`error: The answer cannot be written: ${terminal.unwritable.message}.`);
  terminal.complain('next: Make room where it goes, or send it elsewhere.');
  return exitCodeFor('machine.output');
}

async function runWords(
  argv: readonly string[],
  terminal: Terminal,
  around: Surroundings,
  readerGone: AbortController,
): Promise<number> {
  const signal = AbortSignal.any([around.signal, readerGone.signal]);
  try {
    const [name, ...rest] = argv;
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      const [about] = rest.filter((word) => !word.startsWith('-'));
      if (about === undefined) printOverview(terminal, verbs);
      else printVerbHelp(terminal, findVerb(about));
      return name === undefined ? 2 : 0;
    }
    return await runVerb(findVerb(name), rest, terminal, { ...around, signal });
  } catch (error) {
    const told = await withSettingsMistake(error, around.paths);
    complain(told, terminal);
    return exitCodeOf(told);
  }
}

async function runVerb(
  verb: Verb,
  words: readonly string[],
  terminal: Terminal,
  around: Surroundings,
): Promise<number> {
  const { positionals, values } = parseWords(verb, words);
  if (values['help'] === true) {
    printVerbHelp(terminal, verb);
    return 0;
  }
  const least = verb.minArgs ?? 0;
  if (positionals.length < least || positionals.length > verb.maxArgs) {
    throw new OnsteadError(
      'usage.words',
      missingWord(verb, positionals) ??
        `"onstead ${verb.name}" was given ${positionals.length === 0 ? 'nothing' : `"${positionals.join(' ')}"`}.`,
      { next: `Usage: ${verb.usage.replaceAll('\n', ' | ')}` },
    );
  }
  return (await verb.run({ ...around, args: positionals, flags: values, terminal })) ?? 0;
}

function findVerb(name: string): Verb {
  const verb = verbs.find((one) => one.name === (name === '--version' || name === '-v' ? 'version' : name));
  if (verb !== undefined) return verb;
  throw new OnsteadError('usage.verb', `There is no verb "${name}".`, { next: 'See `onstead help`.' });
}

function parseWords(verb: Verb, words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: parseOptionsOf(verb),
      allowPositionals: true,
      strict: true,
    });
  } catch (cause) {
    throw new OnsteadError('usage.flags', wrongFlag(verb, words, messageOf(cause)), {
      next: `See \`onstead ${verb.name} --help\`.`,
      cause,
    });
  }
}

/** The word that the usage asks for next, where it is a name for something. */
function missingWord(verb: Verb, given: readonly string[]): string | undefined {
  for (const usage of verb.usage.split('\n')) {
    const words = usage.split(' ').slice(1 + verb.name.split(' ').length);
    const flags = words.findIndex((word) => /^(\[|-)/.test(word));
    const wanted = flags < 0 ? words : words.slice(0, flags);
    const next = wanted[given.length];
    const isThisOne = given.every((word, at) => word === wanted[at] || /^[A-Z]/.test(wanted[at] ?? ''));
    if (isThisOne && next !== undefined && /^[A-Z]/.test(next)) {
      return `${next} is missing after "${['onstead', verb.name, ...given].join(' ')}".`;
    }
  }
  return undefined;
}

/** Node's words are several sentences where a value begins like a flag. */
function wrongFlag(verb: Verb, words: readonly string[], message: string): string {
  const name = /--([\w-]+)(?: <value>)?' argument is ambiguous/.exec(message)?.[1];
  if (name === undefined) return `${message.split(/\.\s/)[0]}.`;
  const short = `-${verb.flags[name]?.short}`;
  const given = words[words.findIndex((word) => word === `--${name}` || word === short) + 1];
  return `--${name} takes ${verb.flags[name]?.value ?? 'a value'}, and "${given}" is none.`;
}

function complain(error: unknown, terminal: Terminal): void {
  if (terminal.json) {
    terminal.answer({ error: reportOf(error) });
    return;
  }
  terminal.complain(`${terminal.paint('bad', 'error:')} ${messageOf(error)}`);
  if (!isOnsteadError(error)) {
    if (process.env['ONSTEAD_DEBUG'] !== undefined && error instanceof Error)
      terminal.complain(error.stack ?? '');
    return;
  }
  for (const detail of error.details) terminal.complain(`  - ${detailInWords(detail)}`);
  if (error.next !== undefined) terminal.complain(`${terminal.paint('strong', 'next:')} ${error.next}`);
}
