// Whether a Node can run Onstead. It imports nothing, so that every Node can ask it.

/** The first with all that is imported from Node itself: Zstandard in node:zlib. */
const OLDEST = [22, 15] as const;

/** The sentence and the next action for a Node that is too old. */
export function sayingTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return (
    `error: Onstead needs Node ${OLDEST.join('.')} or newer; this is Node ${version}.\n` +
    'next: In a clone run it with the Node that `npm ci` brings: `node_modules/.bin/node dist/main.js`.\n'
  );
}
