// What a release asks for beyond its own containers, as the administrator is told it before anything is installed.

import { Type, type Static } from '../base/schema.ts';

export const Permission = Type.Object({
  service: Type.String(),
  /** As the release names it: one of `allow`, or `outbound`. */
  name: Type.String(),
  /** What it opens to the service, in words. */
  opens: Type.String(),
});
export type Permission = Static<typeof Permission>;
