// What brings an object back to a cut, which versions a point still needs, and what changed since a cut. Decided while a
// listing streams by, key after key, newest version first; of a key only a handful of facts is kept. Pure.

/** A version or a delete marker, as a listing names it. */
export interface Version {
  readonly key: string;
  readonly id: string;
  /** By the store's own clock. */
  readonly atMs: number;
  readonly isMarker: boolean;
  /** The same for the same bytes, where the store says so; a delete marker has none. */
  readonly content?: string;
}

/** True where the state of the cut did not have it: written, or deleted, afterwards. */
export function isAfter(version: Version, cutMs: number): boolean {
  return version.atMs > cutMs;
}

/** One may be the copy of the other: a restore writes the old version anew. */
export function isSameContent(left: Version, right: Version): boolean {
  return left.content !== undefined && left.content === right.content;
}

export interface ObjectChanges {
  /** Objects whose content is another one than at the cut, or that were not there. */
  readonly written: number;
  /** Objects that were there at the cut and are not there now. */
  readonly deleted: number;
  /** Every version and delete marker since. */
  readonly versions: number;
}

/** Counts what changed since the cut. */
export class ChangeTally {
  readonly #cutMs: number;
  #key: string | undefined;
  #now: Version | undefined;
  #then: Version | undefined;
  #written = 0;
  #deleted = 0;
  #versions = 0;

  constructor(cutMs: number) {
    this.#cutMs = cutMs;
  }

  add(version: Version): void {
    if (version.key !== this.#key) this.#closeKey();
    this.#key = version.key;
    this.#now ??= version;
    if (isAfter(version, this.#cutMs)) this.#versions += 1;
    else this.#then ??= version;
  }

  result(): ObjectChanges {
    this.#closeKey();
    return { written: this.#written, deleted: this.#deleted, versions: this.#versions };
  }

  #closeKey(): void {
    const isThere = this.#now?.isMarker === false;
    const wasThere = this.#then?.isMarker === false;
    if (isThere && !this.#isAsThen()) this.#written += 1;
    if (wasThere && !isThere) this.#deleted += 1;
    this.#key = this.#now = this.#then = undefined;
  }

  #isAsThen(): boolean {
    const [now, then] = [this.#now!, this.#then];
    return now === then || (then !== undefined && isSameContent(now, then));
  }
}

/** What makes the newest version of a key what it was at a cut, with nothing removed. */
export type PutBack =
  | { readonly kind: 'write'; readonly version: Version; readonly now: Version }
  | { readonly kind: 'hide'; readonly version: Version }
  /** A version and a delete marker bear the same time: the store alone knows which was the newest. */
  | { readonly kind: 'ask'; readonly version: Version };

/** Names what is to be put back, key after key. */
export class Restorer {
  readonly #cutMs: number;
  #now: Version | undefined;
  #then: Version | undefined;
  #isSure = true;

  constructor(cutMs: number) {
    this.#cutMs = cutMs;
  }

  /** What is known of the key before, once this one of the next was seen. */
  add(version: Version): PutBack[] {
    const before = version.key === this.#now?.key ? [] : this.end();
    this.#now ??= version;
    if (isAfter(version, this.#cutMs)) return before;
    this.#then ??= version;
    const { atMs, isMarker } = this.#then;
    if (version.atMs === atMs && version.isMarker !== isMarker) this.#isSure = false;
    return before;
  }

  /** The listing, or the key, is at its end. */
  end(): PutBack[] {
    const [now, then, isSure] = [this.#now, this.#then, this.#isSure];
    this.#now = this.#then = undefined;
    this.#isSure = true;
    if (now === undefined || !isAfter(now, this.#cutMs)) return [];
    if (!isSure) return [{ kind: 'ask', version: now }];
    return putBackTo(now, then);
  }
}

/** `now` is newer than the cut; `then` is what there was, if anything. */
export function putBackTo(now: Version, then: Version | undefined): PutBack[] {
  if (then !== undefined && !then.isMarker) return [{ kind: 'write', version: then, now }];
  return now.isMarker ? [] : [{ kind: 'hide', version: now }];
}

/**
 * Names the versions that neither the present nor any cut needs. A version is needed by a cut when it was the newest at
 * that time; a delete marker only while something older of its key stays, which it hides. Of those with one and the same
 * time a cut needs all: some stores know whole seconds only, and the store itself knows which is the newest.
 */
export class Sweeper {
  readonly #cutsMs: readonly number[];
  #last: Version | undefined;
  /** When what came after the last one was written. */
  #replacedAtMs = Infinity;
  /** Needed, if something older stays that it hides. */
  #marker: Version | undefined;

  constructor(cutsMs: readonly number[]) {
    this.#cutsMs = cutsMs;
  }

  /** What is known to be unneeded once this one was seen. */
  add(version: Version): Version[] {
    const unneeded = version.key === this.#last?.key ? [] : this.end();
    const isPresent = this.#last === undefined;
    if (this.#last !== undefined && this.#last.atMs !== version.atMs) this.#replacedAtMs = this.#last.atMs;
    this.#last = version;
    if (!isPresent && !this.#isNeeded(version)) return [...unneeded, version];
    // Of two markers with nothing between them the older one hides enough.
    if (version.isMarker && this.#marker !== undefined) unneeded.push(this.#marker);
    this.#marker = version.isMarker ? version : undefined;
    return unneeded;
  }

  /** The listing, or the key, is at its end: a marker that hides nothing goes. */
  end(): Version[] {
    const idle = this.#marker;
    this.#marker = this.#last = undefined;
    this.#replacedAtMs = Infinity;
    return idle === undefined ? [] : [idle];
  }

  #isNeeded({ atMs }: Version): boolean {
    return this.#cutsMs.some((cutMs) => atMs <= cutMs && this.#replacedAtMs > cutMs);
  }
}
