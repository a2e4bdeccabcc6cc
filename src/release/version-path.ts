// Which version may follow which: allowed ranges, hard stops, no silent step back. Pure.

// Each by itself: semver's main file loads 40 modules more, and the daemon starts with these.
import compareBuild from 'semver/functions/compare-build.js';
import isAbove from 'semver/functions/gt.js';
import isAtLeast from 'semver/functions/gte.js';
import isBelow from 'semver/functions/lt.js';
import satisfies from 'semver/functions/satisfies.js';
import { OnsteadError } from '../base/errors.ts';
import type { UpgradeRule } from './release.ts';

export interface Installed {
  readonly product: string;
  readonly version: string;
}

export interface Candidate extends Installed {
  readonly upgrade: UpgradeRule;
}

export type UpgradePath =
  | { readonly kind: 'install' }
  | { readonly kind: 'same' }
  | { readonly kind: 'upgrade'; readonly from: string; readonly to: string }
  | { readonly kind: 'refused'; readonly error: OnsteadError };

export function checkUpgradePath(installed: Installed | undefined, release: Candidate): UpgradePath {
  if (installed === undefined) return { kind: 'install' };
  const { version: from } = installed;
  const { version: to, upgrade } = release;
  if (installed.product !== release.product) {
    return refused(
      'release.product',
      `This is a release of "${release.product}"; here "${installed.product}" is installed.`,
      `Give a release of "${installed.product}".`,
    );
  }
  if (compareBuild(to, from) === 0) return { kind: 'same' };
  if (isBelow(to, from)) {
    return refused(
      'release.downgrade',
      `Version ${to} is older than the installed ${from}.`,
      `Install ${from} or newer; an older version would not understand the data.`,
    );
  }
  const stop = [...upgrade.stops].sort(compareBuild).find((one) => isAbove(one, from) && isBelow(one, to));
  if (stop !== undefined) {
    return refused(
      'release.stop',
      `The way from ${from} to ${to} leads over ${stop}.`,
      `Install ${stop} first, then ${to}.`,
    );
  }
  if (upgrade.from !== undefined && !satisfies(from, upgrade.from, { includePrerelease: true })) {
    return refused(
      'release.path',
      `Version ${to} can be reached from ${upgrade.from}; installed is ${from}.`,
      `Install a version within ${upgrade.from} first.`,
    );
  }
  return { kind: 'upgrade', from, to };
}

function refused(
  code: 'release.product' | 'release.downgrade' | 'release.stop' | 'release.path',
  message: string,
  next: string,
): UpgradePath {
  return { kind: 'refused', error: new OnsteadError(code, message, { next }) };
}

/** The highest version seen, per signing key and product. */
export type SeenVersions = Readonly<Record<string, string>>;

export interface SignedVersion extends Installed {
  readonly keyId: string;
}

function seenKey({ keyId, product }: SignedVersion): string {
  return `${keyId}/${product}`;
}

/** Refuses a bundle older than one that this appliance has already seen from the same key. */
export function checkNotOlder(seen: SeenVersions, bundle: SignedVersion): OnsteadError | undefined {
  const highest = seen[seenKey(bundle)];
  if (highest === undefined || isAtLeast(bundle.version, highest)) return undefined;
  return new OnsteadError(
    'bundle.older',
    `This bundle is ${bundle.product} ${bundle.version}; ${highest} has been seen here before.`,
    { next: `Use ${highest} or newer: an older bundle may bring back faults that were mended.` },
  );
}

/** The memory after a way back to this version: whatever is newer than it may be taken, and may be taken again. */
export function rememberBack(seen: SeenVersions, { product, version }: Installed): SeenVersions {
  const isNewer = ([key, seenVersion]: [string, string]): boolean =>
    key.endsWith(`/${product}`) && isAbove(seenVersion, version);
  return Object.fromEntries(
    Object.entries(seen).map((entry) => [entry[0], isNewer(entry) ? version : entry[1]]),
  );
}

/** The memory after this bundle was seen. */
export function remember(seen: SeenVersions, bundle: SignedVersion): SeenVersions {
  return checkNotOlder(seen, bundle) === undefined ? { ...seen, [seenKey(bundle)]: bundle.version } : seen;
}
