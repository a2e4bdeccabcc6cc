// Which series of MySQL an image belongs to, by its own tag. A newer series changes the data so that the older one
// cannot read it any more, and what no tag tells is not taken for the same. Pure.

import type { ReleaseService } from '../../../release/index.ts';
import { volumeKeyOf } from '../../point-data.ts';

export interface SeriesChange {
  /** In words where the tag does not tell. */
  readonly from: string;
  readonly to: string;
}

export interface NewSeries extends SeriesChange {
  readonly service: string;
  /** Of the volume that holds the data. */
  readonly key: string;
}

const UNKNOWN = 'unknown';

/** Undefined where the data stays as it is: the same image, the same series, or no MySQL. */
export function seriesChange(old: ReleaseService, next: ReleaseService): SeriesChange | undefined {
  if (old.role !== 'mysql' || next.role !== 'mysql' || old.image === next.image) return undefined;
  const [from, to] = [seriesOf(old.image), seriesOf(next.image)];
  if (from !== undefined && from === to) return undefined;
  return { from: from ?? UNKNOWN, to: to ?? UNKNOWN };
}

/** The databases that would go on as another series. */
export function newSeries(old: readonly ReleaseService[], next: readonly ReleaseService[]): NewSeries[] {
  return next.flatMap((service) => {
    const before = old.find(({ name }) => name === service.name);
    const change = before && seriesChange(before, service);
    const key = volumeKeyOf(service);
    return change === undefined || key === undefined ? [] : [{ ...change, service: service.name, key }];
  });
}

/** `mysql:8.4.9-oracle@sha256:…` → `8.4`; undefined where the tag names no two numbers. */
export function seriesOf(image: string): string | undefined {
  const tag = /:([\w][\w.-]*)(?:@|$)/.exec(image.replace(/@.*$/, ''))?.[1];
  return /^(\d+\.\d+)(?:\.|-|$)/.exec(tag ?? '')?.[1];
}
