// What was asked for on the command line of `npm test`.

export interface WantedRing {
  readonly name: string;
  /** Every `of`th file of it, from the `n`th on. */
  readonly part: { readonly n: number; readonly of: number };
}

export interface Wanted {
  readonly verb: 'run' | 'list' | 'help';
  /** Empty: those of every day. */
  readonly rings: readonly WantedRing[];
  /** Only test files whose path holds one of these. */
  readonly filters: readonly string[];
  readonly bail: boolean;
}

export const HELP = `Usage: npm test [-- [RING…] [PART…] [--bail]]

Runs the rings of every day and does its own set-up. RING names rings; any
other word is a part of a test file's path, in whichever ring it is.

  npm test                     every ring but the deep one
  npm test -- unit             one ring
  npm test -- deep             what takes long: rare failures, one after another
  npm test -- deep:2/3         every third file of it, from the second on
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
  const rings = words.flatMap((word) => ringOf(word, ringNames) ?? []);
  const wrong = rings.find(({ part }) => part.n < 1 || part.n > part.of);
  if (wrong !== undefined)
    return `There is no part ${wrong.part.n} of ${wrong.part.of}; see npm test -- --help.`;
  const asks = (word: string): boolean => argv.includes(word);
  return {
    verb: asks('--help') || asks('-h') ? 'help' : asks('--list') ? 'list' : 'run',
    rings,
    filters: words.filter((word) => ringOf(word, ringNames) === undefined),
    bail: asks('--bail'),
  };
}

function ringOf(word: string, ringNames: readonly string[]): WantedRing | undefined {
  const [, name = '', n = '1', of = '1'] = /^([a-z0-9]+)(?::(\d+)\/(\d+))?$/.exec(word) ?? [];
  return ringNames.includes(name) ? { name, part: { n: Number(n), of: Number(of) } } : undefined;
}
