// `onstead preflight`: is this machine good enough. Needs no daemon and no engine.

import { OnsteadError } from '../../base/errors.ts';
import { analyzeFacts, defaultDemand, detectMachine, type CheckResult } from '../../machine/index.ts';
import type { Tone } from '../terminal.ts';
import { isSet, textFlag, type Verb, type VerbInput } from '../verb.ts';

const MARKS: Record<CheckResult['status'], readonly [Tone, string]> = {
  pass: ['good', '✓'],
  warn: ['warn', '!'],
  fail: ['bad', '✗'],
  skip: ['dim', '-'],
  unknown: ['warn', '?'],
};

export const preflightVerb: Verb = {
  name: 'preflight',
  summary: 'Check whether this machine is good enough; changes nothing.',
  usage: 'onstead preflight [--all] [--facts]',
  flags: {
    all: { type: 'boolean', short: 'a', help: 'Show the checks that passed too.' },
    facts: { type: 'boolean', help: 'Print what was found out about the machine, as JSON.' },
    http: { type: 'string', value: 'PORT', help: 'The port for plain HTTP. Default 80.' },
    https: { type: 'string', value: 'PORT', help: 'The port for HTTPS. Default 443.' },
  },
  examples: [
    ['onstead preflight', 'what needs a look'],
    ['onstead preflight --all', 'every check'],
  ],
  maxArgs: 0,
  async run(input) {
    const { terminal } = input;
    const ports = [portFlag(input, 'http', 80), portFlag(input, 'https', 443)];
    const facts = await detectMachine({ ports, root: input.paths.root });
    if (isSet(input, 'facts')) {
      process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
      return 0;
    }
    const report = analyzeFacts(facts, defaultDemand);
    const shown = report.checks.filter(
      ({ status }) => isSet(input, 'all') || (status !== 'pass' && status !== 'skip'),
    );
    for (const check of shown) {
      const [tone, mark] = MARKS[check.status];
      terminal.sayWrapped(`${terminal.paint(tone, mark)} ${check.title}: ${check.found}`, 2);
      if (check.status === 'pass' || check.status === 'skip') continue;
      terminal.sayWrapped(terminal.paint('dim', `    needed: ${check.needed}`), 4);
      if (check.fix !== null) terminal.say(`    ${check.fix}`);
    }
    const { pass, warn, fail, skip, unknown } = report.counts;
    if (shown.length > 0) terminal.say();
    terminal.say(
      `${pass} passed, ${warn + unknown} to look at, ${fail} failed${skip === 0 ? '' : `, ${skip} do not apply`}.`,
    );
    for (const sentence of report.unseen) terminal.sayWrapped(terminal.paint('dim', sentence));
    terminal.answer(report);
    return report.verdict === 'fail' ? 4 : 0;
  },
};

function portFlag(input: VerbInput, name: string, standard: number): number {
  const port = Number(textFlag(input, name) ?? standard);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new OnsteadError('usage.number', `--${name} takes a port from 1 to 65535.`, {
    next: `For example \`--${name} ${standard}\`.`,
  });
}
