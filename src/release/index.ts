// The face of the room: releases, their versions, and the signed bundles they travel in.

export type * from './release.ts';
export { parseRelease } from './parse.ts';
export { Permission } from './permission.ts';
export { checkNotOlder, checkUpgradePath, remember } from './version-path.ts';
export type { Candidate, Installed, SeenVersions, SignedVersion, UpgradePath } from './version-path.ts';
export { readPublicKey, readSignature, sign, verifySignature, writePublicKey } from './minisign.ts';
export type { PublicKey, SecretKey, Signature, Signed } from './minisign.ts';
export { isPasswordNeeded, keygen, readSecretKey } from './secret-key.ts';
export type { KeyPair } from './secret-key.ts';
export { contentTag, parseReference, pinnedReference } from './image-reference.ts';
export type { ImageReference } from './image-reference.ts';
export { buildBundle } from './build.ts';
export type { BuildResult } from './build.ts';
export type { BuildInput } from './build-work.ts';
export { inspectBundle, openBundle, VerifiedBundle } from './open.ts';
export type { ImageArchiveOptions, Inspection } from './open.ts';
export type { VerifyOptions } from './verify.ts';
export type { BundleFile, BundleImage, BundleIndex, BundleLayer, FileKind } from './bundle-index.ts';
export type { BundlePhase, BundleProgress, OnProgress } from './progress.ts';
export { launcherText, packProgram, type ProgramPack } from './program-pack.ts';
export { readTrustedKeys } from './trusted-keys.ts';
export { checkYaml, type CheckedYaml } from './checked-yaml.ts';
