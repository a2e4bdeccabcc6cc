// `onstead serve`: the daemon itself, in the foreground; systemd or a supervisor keeps it running.

import type { Verb } from '../verb.ts';

export const serveVerb: Verb = {
  name: 'serve',
  summary: 'Run the daemon in the foreground.',
  usage: 'onstead serve',
  flags: {},
  examples: [['onstead serve', 'what the systemd unit runs']],
  maxArgs: 0,
  async run({ serve }) {
    await serve();
  },
};
