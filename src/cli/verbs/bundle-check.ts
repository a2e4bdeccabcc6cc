// `onstead bundle inspect`, `verify` and `keygen`.

import { access, chmod } from 'node:fs/promises';
import { OnsteadError, systemCode } from '../../base/errors.ts';
import { writeFileAtomic } from '../../base/files.ts';
import { formatBytes, formatDuration } from '../../base/units.ts';
import {
  inspectBundle,
  keygen,
  openBundle,
  readPublicKey,
  readTrustedKeys,
  type BundleImage,
  type BundleIndex,
} from '../../release/index.ts';
import { readGiven } from '../given-file.ts';
import { sayPermissions } from '../permissions.ts';
import { drawBar, type Terminal } from '../terminal.ts';
import { checkDeltaHere, deltaSentence, isOmitted } from './bundle-delta.ts';
import { listFlag, textFlag, type VerbInput } from '../verb.ts';

export async function verifyAction(input: VerbInput): Promise<number> {
  const { args, terminal, paths, signal } = input;
  const files = listFlag(input, 'trust');
  const trustedKeys =
    files.length === 0
      ? await readTrustedKeys(paths.trust)
      : await Promise.all(files.map(async (file) => readPublicKey(await readGiven(file, 'public key'))));
  const startedMs = performance.now();
  await using bundle = await openBundle(args[1]!, {
    trustedKeys,
    signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      terminal.redraw(
        drawBar('Checking', { done: doneBytes, total: totalBytes }, performance.now() - startedMs),
      ),
  });
  const { index, signedBy, sizeBytes } = bundle;
  const took = formatDuration(performance.now() - startedMs);
  terminal.say(
    `${terminal.paint('good', '✓')} ${index.title} ${index.version}: complete and unchanged, signed by ${signedBy.keyId} (${formatBytes(sizeBytes)} in ${took})`,
  );
  const delta = await checkDeltaHere(index, terminal);
  const { product, version, from } = index;
  terminal.answer({ ok: true, product, version, from, ...delta, signedBy, sizeBytes });
  return 0;
}

export async function inspectAction({ args, terminal }: VerbInput): Promise<number> {
  const inspection = await inspectBundle(args[1]!);
  showIndex(inspection.index, terminal);
  sayPermissions(inspection.permissions, terminal);
  terminal.say();
  terminal.say(
    `${formatBytes(inspection.sizeBytes)}; says it is signed by ${inspection.claimedKeyId}. ${terminal.paint('warn', 'Not verified')}: run \`onstead bundle verify\`.`,
  );
  terminal.answer(inspection);
  return 0;
}

function showIndex(index: BundleIndex, terminal: Terminal): void {
  terminal.say(
    `${terminal.paint('strong', `${index.title} ${index.version}`)} (${index.product}), for ${index.os}/${index.arch}, made ${index.created}`,
  );
  terminal.say();
  terminal.table(
    index.images.map((image) => [
      `  ${image.services.join(', ')}`,
      image.reference,
      imageSize(image, index),
      terminal.paint('dim', image.manifestDigest),
    ]),
  );
  const rest = index.files.filter(({ kind }) => kind === 'daemon' || kind === 'installer' || kind === 'sbom');
  for (const { path, sizeBytes } of rest) terminal.say(`  ${path}  ${formatBytes(sizeBytes)}`);
  const delta = deltaSentence(index);
  if (delta !== undefined) terminal.say(`\n${delta}`);
}

function imageSize({ layers }: BundleImage, index: BundleIndex): string {
  const bytes = (some: BundleImage['layers']): number => some.reduce((sum, one) => sum + one.sizeBytes, 0);
  const omitted = layers.filter(isOmitted(index));
  if (omitted.length === 0) return formatBytes(bytes(layers));
  const needs = omitted.length === layers.length ? 'all' : `${omitted.length} of ${layers.length} layers`;
  return `${formatBytes(bytes(layers) - bytes(omitted))}, needs ${needs} (${formatBytes(bytes(omitted))})`;
}

export async function keygenAction(input: VerbInput): Promise<number> {
  const { terminal, args } = input;
  const [secretPath, publicPath] = [`${args[1]}.key`, `${args[1]}.pub`];
  for (const path of [secretPath, publicPath]) await refuseExisting(path);
  const file = textFlag(input, 'password-file');
  const password =
    file === undefined
      ? process.env['ONSTEAD_KEY_PASSWORD']
      : (await readGiven(file, 'password file')).trimEnd();
  const pair = await keygen(password === undefined ? {} : { password });
  await writeFileAtomic(secretPath, pair.secretKey, { mode: 0o600 }).catch((cause: unknown) => {
    throw unwritable(secretPath, cause);
  });
  await chmod(secretPath, 0o600);
  await writeFileAtomic(publicPath, pair.publicKey);
  terminal.say(
    `${terminal.paint('good', '✓')} ${secretPath}: signs your releases. Keep it secret and keep a copy.`,
  );
  terminal.say(`${terminal.paint('good', '✓')} ${publicPath}: goes to your customers.`);
  if (password === undefined)
    terminal.say('The secret key has no password; set ONSTEAD_KEY_PASSWORD or give --password-file for one.');
  terminal.answer({ secretKey: secretPath, publicKey: publicPath, keyId: pair.keyId });
  return 0;
}

function unwritable(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  const why = { ENOENT: 'there is no such folder', ENOTDIR: 'there is no such folder' }[code] ?? code;
  return new OnsteadError('usage.file', `The secret key ${path} cannot be written: ${why}.`, {
    next: 'Name a folder that is there and may be written to.',
    cause,
  });
}

async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) {
    throw new OnsteadError('usage.exists', `${path} exists already and is not overwritten.`, {
      next: 'Choose another name.',
    });
  }
}
