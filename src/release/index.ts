// The face of the room: releases, their versions, and the signed bundles they travel in.

export type * from './release.ts';
export { parseRelease } from './parse.ts';
export { Permission } from './permission.ts';
export { roleSecrets } from './role-secrets.ts';
export { checkNotOlder, checkUpgradePath, remember } from './version-path.ts';
export type { SeenVersions, SignedVersion, UpgradePath } from './version-path.ts';
export { readPublicKey, sign, verifySignature } from './minisign.ts';
export type { SecretKey, Signature, Signed } from './minisign.ts';
export { isPasswordNeeded, keygen, readSecretKey } from './secret-key.ts';
export type { KeyPair } from './secret-key.ts';
export { contentTag, parseReference, pinnedReference } from './image-reference.ts';
export { buildBundle } from './build.ts';
export type { BuildInput } from './build-work.ts';
export { baseMissing, commonStart, isDelta, knownLayers, lackingImages, omittableLayers } from './delta.ts';
export type { Chain, LackingImage } from './delta.ts';
export { baseOfBundle, baseOfFingerprint } from './delta-base.ts';
export type { DeltaBase } from './delta-base.ts';
export { fingerprintOf, fingerprintText, readFingerprint } from './fingerprint.ts';
export type { Fingerprint } from './fingerprint.ts';
export { inspectBundle, openBundle, VerifiedBundle } from './open.ts';
export type { BundleImage, BundleIndex } from './bundle-index.ts';
export type { BundlePhase, BundleProgress } from './progress.ts';
export { launcherText, packProgram } from './program-pack.ts';
export { readTrustedKeys } from './trusted-keys.ts';
export { checkYaml, type CheckedYaml } from './checked-yaml.ts';
export { STRATEGIES, type Strategy } from './schema-services.ts';
export { DURATION_PATTERN } from './schema-fields.ts';
