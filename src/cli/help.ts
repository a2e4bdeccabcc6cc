// Help texts, drawn from the verbs themselves.

import { exitCodes } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { flagsOf, type Verb } from './verb.ts';

export function printOverview(terminal: Terminal, verbs: readonly Verb[]): void {
  terminal.sayWrapped("Onstead runs a vendor's application on this machine and looks after it.");
  terminal.say();
  terminal.say(`${terminal.paint('strong', 'Usage')}  onstead VERB [options]`);
  terminal.say();
  terminal.table(verbs.map((verb) => [`  ${verb.name}`, verb.summary]));
  terminal.say();
  terminal.sayWrapped('`onstead VERB --help` shows options and examples. Every verb takes --json.');
  terminal.answer({ verbs: verbs.map(({ name, summary, usage }) => ({ name, summary, usage })), exitCodes });
}

export function printVerbHelp(terminal: Terminal, verb: Verb): void {
  terminal.sayWrapped(verb.summary);
  terminal.say();
  for (const usage of verb.usage.split('\n')) terminal.say(`${terminal.paint('strong', 'Usage')}  ${usage}`);
  terminal.say();
  const flags = Object.entries(flagsOf(verb));
  terminal.table(
    flags.map(([name, flag]) => [
      `  ${flag.short === undefined ? '    ' : `-${flag.short}, `}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`,
      flag.help,
    ]),
  );
  terminal.say();
  terminal.say(terminal.paint('strong', 'Examples'));
  for (const [command, what] of verb.examples) {
    terminal.say(`  ${terminal.paint('dim', `# ${what}`)}`);
    terminal.say(`  ${command}`);
  }
  terminal.say();
  terminal.say(terminal.paint('strong', 'Exit codes'));
  terminal.table(Object.entries(exitCodes).map(([code, meaning]) => [`  ${code}`, meaning]));
  const { name, summary, usage, examples } = verb;
  terminal.answer({ name, summary, usage, flags: Object.fromEntries(flags), examples, exitCodes });
}
