// `onstead certificate`: the authority that browsers have to trust once.

import { systemClock } from '../../base/clock.ts';
import { certificateSecrets, SecretStore } from '../../stack/index.ts';
import type { Verb } from '../verb.ts';

export const certificateVerb: Verb = {
  name: 'certificate',
  summary: "Print this appliance's own authority, for browsers to trust.",
  usage: 'onstead certificate > onstead-ca.pem',
  flags: {},
  examples: [
    ['onstead certificate > onstead-ca.pem', 'then import the file into your browser or system, once'],
  ],
  maxArgs: 0,
  async run({ paths, terminal }) {
    const { secrets: folder, machineKey: machineKeyPath } = paths;
    const store = await SecretStore.open({ folder, machineKeyPath, clock: systemClock });
    const authority = store.get(certificateSecrets.authority);
    terminal.say(authority.trimEnd());
    terminal.answer({ authority });
  },
};
