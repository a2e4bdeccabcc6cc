// Who keeps what of the past. Copies of databases, cuts of object stores and volumes of before are shared ground: whoever
// clears away there asks every holder first, and what any of them holds stays.

/** What one of them needs, of one project. */
export interface HeldData {
  /** Copies of databases, by the name of the point, backup or operation that they are of. */
  readonly copies: readonly string[];
  /** Moments of object stores that are still to be read or gone back to. */
  readonly cuts: readonly { readonly service: string; readonly cutMs: number }[];
  /** Volumes that stand for a copy. */
  readonly volumes: readonly string[];
}

/** One that cannot say what it holds throws: then nothing is cleared away. */
export type DataHolder = (project: string) => Promise<HeldData>;

export async function heldByAll(holders: readonly DataHolder[], project: string): Promise<HeldData> {
  const all = await Promise.all(holders.map((holder) => holder(project)));
  return {
    copies: all.flatMap(({ copies }) => copies),
    cuts: all.flatMap(({ cuts }) => cuts),
    volumes: all.flatMap(({ volumes }) => volumes),
  };
}
