// `onstead logs`: what a service said, from all of its replicas.

import { OnsteadError } from '../../base/errors.ts';
import type { LogMessage } from '../../api/schemas.ts';
import { isSet, textFlag, type Verb } from '../verb.ts';

export const logsVerb: Verb = {
  name: 'logs',
  summary: 'What a service said.',
  usage: 'onstead logs SERVICE [--tail N] [--follow]',
  flags: {
    tail: { type: 'string', value: 'N', help: 'How many of the last lines of each replica. Default 100.' },
    follow: { type: 'boolean', short: 'f', help: 'Go on as new lines come.' },
  },
  examples: [
    ['onstead logs app --follow', 'watch the app'],
    ['onstead logs mysql --tail 1000 --json', 'a JSON value a line'],
  ],
  minArgs: 1,
  maxArgs: 1,
  async run(input) {
    const { client, terminal, args, signal } = input;
    const tail = Number(textFlag(input, 'tail') ?? 100);
    if (!Number.isInteger(tail) || tail < 0) {
      throw new OnsteadError('usage.number', '--tail takes a whole number.', {
        next: 'For example `--tail 500`.',
      });
    }
    const path = `/api/services/${encodeURIComponent(args[0]!)}/logs?tail=${tail}&follow=${isSet(input, 'follow')}`;
    try {
      for await (const message of client.lines<LogMessage>(path, { signal })) {
        terminal.answerLine(message);
        terminal.say(`${terminal.paint('dim', message.container)}  ${message.line}`);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
