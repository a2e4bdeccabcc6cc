// What a delta is cut against: earlier bundles, or the fingerprint of one appliance.

import { OnsteadError } from '../base/errors.ts';
import type { BundleIndex } from './bundle-index.ts';
import { chainOf, type Chain } from './delta.ts';
import type { Fingerprint } from './fingerprint.ts';
import { checkUpgradePath, type Candidate } from './version-path.ts';

export interface DeltaBase {
  /** The file it was read from, for messages. */
  readonly name: string;
  readonly product: string;
  readonly version: string;
  readonly arch: string;
  readonly chains: readonly Chain[];
  /** Digest of the packed Onstead that is there. */
  readonly program?: string;
}

/** Its own bundle may be a delta too: the index lists every layer, and whoever runs that release has all of them. */
export function baseOfBundle(name: string, index: BundleIndex): DeltaBase {
  const { product, version, arch, images } = index;
  const daemon = index.files.find(({ kind }) => kind === 'daemon');
  const program = index.program?.digest ?? (daemon === undefined ? undefined : `sha256:${daemon.sha256}`);
  return {
    ...{ name, product, version, arch, chains: images.map(chainOf) },
    ...(program === undefined ? {} : { program }),
  };
}

export function baseOfFingerprint(name: string, fingerprint: Fingerprint): DeltaBase {
  const { installed, arch, layers, chains, program } = fingerprint;
  if (installed === undefined) {
    throw new OnsteadError('bundle.base', `Nothing is installed on the appliance of ${name}.`, {
      next: 'Build the full bundle: leave --for out.',
    });
  }
  return {
    ...{ name, arch, ...installed, chains: chains.map((chain) => chain.map((at) => layers[at]!)) },
    ...(program === undefined ? {} : { program }),
  };
}

/** A delta that no appliance could ever take is a mistake of whoever builds it. */
export function checkBases(bases: readonly DeltaBase[], release: Candidate, arch: string): void {
  for (const base of bases) {
    const { name, product, version } = base;
    if (base.arch !== arch) throw unfit(`${name} is for ${base.arch}, the bundle is for ${arch}`);
    const way = checkUpgradePath({ product, version }, release);
    if (way.kind === 'refused') throw unfit(`${name} is no base: ${way.error.message.replace(/\.$/, '')}`);
  }
}

function unfit(what: string): OnsteadError {
  return new OnsteadError('bundle.base', `${what}.`, {
    next: 'Name bundles of the same product that this release can follow.',
  });
}
