// Image references: `[registry/]path[:tag][@sha256:…]`. Pure text work; nothing is asked of a registry.

import { OnsteadError } from '../base/errors.ts';

export interface ImageReference {
  /** Registry and path, without tag and digest. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const HOST =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\\d{1,5})?/)?';
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^(${HOST}${PART}(?:/${PART})*)(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

export function readReference(text: string): ImageReference | undefined {
  const match = text.length > 500 ? null : REFERENCE.exec(text);
  if (match === null) return undefined;
  const [, repository, tag, digest] = match;
  return {
    repository: repository!,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export function parseReference(text: string): ImageReference {
  const reference = readReference(text);
  if (reference !== undefined) return reference;
  throw new OnsteadError('release.image', `"${text}" is not an image reference.`, {
    next: 'Write repository:tag or repository@sha256:<64 hex digits>.',
  });
}

/** `repository[:tag]@digest`: what a release inside a bundle names. */
export function pinnedReference(reference: ImageReference, digest: string): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return `${reference.repository}${tag}@${digest}`;
}

/** The tag an image carries on an appliance: a classic image store knows no manifest digest of a loaded image. */
export function contentTag(repository: string, manifestDigest: string): string {
  return `${repository}:sha256-${manifestDigest.replace('sha256:', '').slice(0, 20)}`;
}
