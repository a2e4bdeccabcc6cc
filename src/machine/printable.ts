// Names of processes, containers and hosts are anybody's text and end on terminals.

/** No control or invisible characters, and no novels. */
export function printable(text: string, longest = 200): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?').slice(0, longest);
}
