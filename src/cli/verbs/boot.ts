// `onstead boot`: what the machine runs when it starts. Works with the daemon stopped, disabled or broken.

import { systemClock } from '../../base/clock.ts';
import { ownerMark } from '../../base/orphans.ts';
import type { Paths } from '../../base/paths.ts';
import { connectEngine, openCompose } from '../../engine/index.ts';
import type { Release } from '../../release/index.ts';
import {
  isWhole,
  lockStack,
  raiseStack,
  readStackRelease,
  rejoinEdge,
  reopenSecrets,
} from '../../stack/index.ts';
import { isSet, type Verb } from '../verb.ts';

export const bootVerb: Verb = {
  name: 'boot',
  summary: 'Bring the stack up after a reboot; works without the daemon.',
  usage: 'onstead boot [--secrets]',
  flags: { secrets: { type: 'boolean', help: 'Only open the secrets, before the engine starts.' } },
  examples: [['onstead boot', 'what the systemd unit onstead-stack runs']],
  maxArgs: 0,
  async run(input) {
    const { paths, terminal, signal } = input;
    const release = await readStackRelease(paths);
    if (release === undefined) {
      terminal.say('Nothing is installed; nothing to bring up.');
      terminal.answer({ installed: false });
      return;
    }
    const onWait = (): void =>
      terminal.say('Somebody else is changing the stack; waiting until that is over.');
    const bringUp = async () => {
      const stale = await reopenSecrets(paths, release, systemClock);
      const reopened = stale !== undefined;
      terminal.say(reopened ? 'The secrets are open again.' : 'The secrets are open.');
      return {
        reopened,
        changes: isSet(input, 'secrets') ? undefined : await raise(paths, release, stale, signal),
      };
    };
    const { reopened, changes } = await lockStack(paths, bringUp, { signal, onWait });
    if (changes !== undefined) {
      terminal.say(changes === 0 ? `${release.title} runs.` : `${release.title} was brought up.`);
    }
    terminal.answer({ installed: true, reopened, changes: changes ?? 0 });
  },
};

async function raise(
  paths: Paths,
  release: Release,
  stale: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<number> {
  const engine = await connectEngine();
  const composeBinary = process.env['ONSTEAD_COMPOSE'];
  const compose = openCompose({
    folder: paths.stack,
    dockerHost: engine.dockerHost,
    env: ownerMark(paths.state),
    ...(composeBinary === undefined ? {} : { composeBinary }),
  });
  const project = async (): Promise<string> => (await compose.config()).name;
  await rejoinEdge({ engine, release, stackFolder: paths.stack, project });
  return raiseStack(compose, { isWhole: isWhole(paths), stale, signal });
}
