// stub
import type { ImagePlan } from '../archive.ts';
import type { LayerStore } from '../layers.ts';
import type { Layer } from '../tree.ts';
export function notesHash(): { hash: string }[] {
  return [];
}
export async function describeNotes(
  _b: Layer,
  _l: LayerStore,
  _s: (l: string) => void,
): Promise<ImagePlan[]> {
  return [];
}
