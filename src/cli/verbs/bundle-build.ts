// `onstead bundle build`.

import { OnsteadError } from '../../base/errors.ts';
import { formatBytes, formatDuration } from '../../base/units.ts';
import { connectEngine, engineImageSource, type PullProgress } from '../../engine/index.ts';
import {
  buildBundle,
  isPasswordNeeded,
  packProgram,
  parseRelease,
  readSecretKey,
  type BundlePhase,
} from '../../release/index.ts';
import { readGiven } from '../given-file.ts';
import { drawBar, type Terminal } from '../terminal.ts';
import { basesFrom, deltaSentence } from './bundle-delta.ts';
import { isSet, listFlag, textFlag, type VerbInput } from '../verb.ts';

const PHASES: Record<BundlePhase, string> = {
  export: 'Reading the images',
  compress: 'Compressing',
  write: 'Writing',
  verify: 'Checking',
};

export async function buildAction(input: VerbInput): Promise<number> {
  const { args, terminal, signal } = input;
  const composeFile = args[1]!;
  const outPath = needed(input, 'out', "the bundle's file");
  const composeText = await readGiven(composeFile, 'release file');
  const secretKey = await secretKeyFrom(input);
  parseRelease(composeText, composeFile); // its mistakes are told first: they need no engine
  const bases = await basesFrom(input);
  const engine = await connectEngine();
  const startedMs = performance.now();
  const program = isSet(input, 'without-daemon') ? undefined : await packProgram();
  try {
    const cacheFolder = textFlag(input, 'cache');
    const result = await buildBundle({
      composeText,
      composeFile,
      imageSource: engineImageSource(engine, {
        refresh: isSet(input, 'pull'),
        onPull: tellPull(terminal),
        signal,
      }),
      imageOverrides: overridesFrom(listFlag(input, 'image')),
      platform: `linux/${(await engine.info()).architecture}`,
      ...(program === undefined
        ? {}
        : { daemonFolder: program.folder, installerFile: program.installerFile }),
      bases,
      secretKey,
      createdAt: createdAt(input),
      outPath,
      ...(cacheFolder === undefined ? {} : { cacheFolder }),
      signal,
      onProgress: ({ phase, doneBytes, totalBytes }) =>
        terminal.redraw(
          drawBar(PHASES[phase], { done: doneBytes, total: totalBytes }, performance.now() - startedMs),
        ),
    });
    const took = formatDuration(performance.now() - startedMs);
    terminal.say(
      `${terminal.paint('good', '✓')} ${result.path}: ${formatBytes(result.sizeBytes)}, signed by ${result.keyId} (${took})`,
    );
    const delta = deltaSentence(result.index);
    if (delta !== undefined) terminal.say(delta);
    else if (bases.length > 0)
      terminal.say(`${terminal.paint('warn', '!')} Nothing could be left out, so this is a full bundle.`);
    for (const { message, line, column, fix } of result.release.warnings) {
      terminal.say(`${terminal.paint('warn', '!')} ${composeFile}:${line}:${column} ${message} ${fix}`);
    }
    terminal.answer({
      path: result.path,
      sizeBytes: result.sizeBytes,
      keyId: result.keyId,
      index: result.index,
    });
    return 0;
  } finally {
    await program?.remove();
  }
}

/** One live bar an image, and one line when it is there. */
function tellPull(terminal: Terminal): (reference: string, progress: PullProgress) => void {
  let current = '';
  let startedMs = 0;
  return (reference, { doneBytes, totalBytes, newLayers, isOver }) => {
    if (reference !== current) startedMs = performance.now();
    current = reference;
    const tookMs = performance.now() - startedMs;
    if (!isOver) {
      terminal.redraw(drawBar(`Pulling ${reference}`, { done: doneBytes, total: totalBytes }, tookMs));
      return;
    }
    const what = newLayers === 0 ? 'nothing new' : `${newLayers} new ${newLayers === 1 ? 'layer' : 'layers'}`;
    terminal.say(`${terminal.paint('good', '✓')} ${reference}: pulled, ${what} (${formatDuration(tookMs)})`);
  };
}

function needed(input: VerbInput, flag: string, what: string): string {
  const value = textFlag(input, flag);
  if (value !== undefined) return value;
  throw new OnsteadError('usage.missing', `Say where ${what} is: --${flag}.`, {
    next: 'See `onstead bundle --help`.',
  });
}

async function secretKeyFrom(input: VerbInput) {
  const text = await readGiven(needed(input, 'key', 'the secret key'), 'secret key');
  if (!isPasswordNeeded(text)) return readSecretKey(text);
  const file = textFlag(input, 'password-file');
  const password =
    file === undefined
      ? process.env['ONSTEAD_KEY_PASSWORD']
      : (await readGiven(file, 'password file')).trimEnd();
  return readSecretKey(text, password);
}

function overridesFrom(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new OnsteadError('usage.image', `"${pair}" is not SERVICE=REF.`, {
        next: 'For example `--image mysql=mysql:9.7.4`.',
      });
    }),
  );
}

function createdAt(input: VerbInput): Date {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  const text =
    textFlag(input, 'created') ??
    (epoch === undefined ? undefined : new Date(Number(epoch) * 1000).toISOString());
  const date = text === undefined ? new Date() : new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new OnsteadError('usage.time', `"${text}" is not a time.`, {
    next: 'For example 2026-11-20T12:00:00Z.',
  });
}
