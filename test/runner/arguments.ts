// What was asked for on the command line of `npm test`.

export interface Wanted {
  readonly verb: 'run' | 'list' | 'help';
  readonly rings: readonly string[];
  /** Only test files whose path holds one of these. */
  readonly filters: readonly string[];
  readonly bail: boolean;
}

export const HELP = `Usage: npm test [-- [RING…] [PART…] [--bail]]

Runs every ring of tests and does its own set-up. RING names rings; any other
word is a part of a test file's path.

  npm test                     everything
  npm test -- unit             one ring
  npm test -- e2e install      the e2e test files with "install" in their path
  npm test -- --list           the rings, their files and what they need
  npm test -- --bail           stop at the first failure

The counts are named tests, each t.test(…) that holds no further named test.
The last line is always "N passed, N failed", with ", N skipped" where some were.
Exit codes: 0 all passed, 1 something failed, 2 wrong usage, 130 interrupted.`;

/** What was asked for, or the sentence that says what is wrong with it. */
export function parseWanted(argv: readonly string[], ringNames: readonly string[]): Wanted | string {
  const known = ['--bail', '--list', '--help', '-h'];
  const unknown = argv.find((word) => word.startsWith('-') && !known.includes(word));
  if (unknown !== undefined) return `There is no option "${unknown}"; see npm test -- --help.`;
  const words = argv.filter((word) => !word.startsWith('-'));
  const asks = (word: string): boolean => argv.includes(word);
  return {
    verb: asks('--help') || asks('-h') ? 'help' : asks('--list') ? 'list' : 'run',
    rings: words.filter((word) => ringNames.includes(word)),
    filters: words.filter((word) => !ringNames.includes(word)),
    bail: asks('--bail'),
  };
}
