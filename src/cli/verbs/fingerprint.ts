// `onstead fingerprint`: what this appliance has, so that the vendor can send only what is missing. Needs no daemon.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { OnsteadError } from '../../base/errors.ts';
import { readTextIfAny, writeFileAtomic } from '../../base/files.ts';
import type { Paths } from '../../base/paths.ts';
import { programVersion } from '../../base/program.ts';
import { connectEngine } from '../../engine/index.ts';
import { fingerprintOf, fingerprintText, type Fingerprint } from '../../release/index.ts';
import { imagesOf, readSettings, readStackRelease } from '../../stack/index.ts';
import { textFlag, type Verb } from '../verb.ts';

export const fingerprintVerb: Verb = {
  name: 'fingerprint',
  summary: 'What this appliance has, for the vendor to send only what is missing.',
  usage: 'onstead fingerprint [--out FILE]',
  flags: {
    out: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: 'Write it into this file instead of printing it.',
    },
  },
  examples: [
    ['onstead fingerprint', 'to paste into a mail; no secret is in it'],
    [
      'onstead fingerprint --out /mnt/stick/fingerprint.json',
      'to carry; the vendor gives it to `bundle build --for`',
    ],
  ],
  maxArgs: 0,
  async run(input) {
    const { terminal, paths } = input;
    const fingerprint = await fingerprintHere(paths);
    const file = textFlag(input, 'out');
    const text = fingerprintText(fingerprint);
    if (file !== undefined) {
      await writeGiven(file, text);
      const { installed, chains, layers } = fingerprint;
      const what =
        installed === undefined ? 'nothing is installed' : `${installed.product} ${installed.version}`;
      terminal.say(
        `${terminal.paint('good', '✓')} ${file}: ${what}, ${layers.length} layers of ${chains.length} images`,
      );
    } else terminal.say(text.trimEnd());
    terminal.answer(JSON.parse(text));
  },
};

async function fingerprintHere(paths: Paths): Promise<Fingerprint> {
  const engine = await connectEngine();
  const { version, containerdStore, architecture } = await engine.info();
  const release = await readStackRelease(paths);
  const project = (await readSettings(paths.settings)).project ?? release?.product;
  // Only what Onstead brought: the rest of the engine's images may go at any time.
  const chains =
    project === undefined ? [] : await engine.images.layerChains({ reference: imagesOf(project) });
  const program = await installedProgram(paths);
  return fingerprintOf({
    made: systemClock.now().toISOString(),
    onstead: programVersion(),
    ...(program === undefined ? {} : { program }),
    engine: version,
    store: containerdStore ? 'containerd' : 'classic',
    arch: architecture,
    ...(release === undefined ? {} : { installed: { product: release.product, version: release.version } }),
    kept: (await readdir(paths.releases).catch(() => [])).toSorted(),
    chains,
  });
}

/** The installer notes beside the program which packed one it came from. */
async function installedProgram({ programs }: Paths): Promise<string | undefined> {
  const sum = (await readTextIfAny(join(programs, 'current/.bundle')))?.trim() ?? '';
  return /^[0-9a-f]{64}$/.test(sum) ? `sha256:${sum}` : undefined;
}

async function writeGiven(file: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(file, text);
  } catch (cause) {
    throw new OnsteadError('usage.file', `The fingerprint cannot be written to ${file}.`, {
      next: 'Check that the folder is there and may be written to.',
      cause,
    });
  }
}
