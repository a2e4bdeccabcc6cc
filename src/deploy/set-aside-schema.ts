// The shape of what was set aside, for people and for the API.

import { Nullable, Type, type Static } from '../base/schema.ts';

const Bytes = Type.Number({ minimum: 0 });

export const SetAside = Type.Object({
  id: Type.String(),
  /** The operation that set it aside. */
  operation: Type.String(),
  at: Type.String(),
  /** What it is of, in a phrase; null where it could not be counted. */
  what: Nullable(Type.String()),
  bytes: Bytes,
  volumes: Type.Array(Type.Object({ name: Type.String(), bytes: Bytes })),
  files: Type.Array(Type.Object({ path: Type.String(), bytes: Bytes })),
});
export type SetAside = Static<typeof SetAside>;
