// Writes digests into a vendor's file without touching anything else of it: comments, order and anchors stay.

import { OnsteadError } from '../base/errors.ts';
import { readYaml } from './yaml-source.ts';

export function pinImages(text: string, images: ReadonlyMap<string, string>): string {
  const source = readYaml(text);
  const edits = new Map<number, { end: number; image: string }>();
  for (const [service, image] of images) {
    const range = source.rangeOf(['services', service, 'image']);
    if (range === undefined) throw new TypeError(`no place for the image of ${service}`);
    const other = edits.get(range.start);
    if (other !== undefined && other.image !== image) {
      throw new OnsteadError(
        'release.image',
        `Services that share one image line (by an anchor) got two images, "${service}" among them.`,
        {
          next: 'Write image: for each of these services.',
        },
      );
    }
    edits.set(range.start, { end: range.end, image });
  }
  const backwards = [...edits].sort(([a], [b]) => b - a);
  // Quoted, so that it is one plain value wherever it stood, also inside { … }.
  return backwards.reduce(
    (out, [start, { end, image }]) => `${out.slice(0, start)}"${image}"${out.slice(end)}`,
    text,
  );
}
