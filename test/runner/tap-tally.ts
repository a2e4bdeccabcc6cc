// Reads a TAP stream line by line and counts named tests: each `t.test(...)` that holds no further named test.
// A file that fails without a failed test of its own (a crash, a bare assertion, no test in it) counts as one failed test.

export interface TestOutcome {
  readonly file: string;
  /** The names from the file's own test down to this one. */
  readonly path: readonly string[];
  readonly result: 'passed' | 'failed' | 'skipped';
  readonly milliseconds: number | undefined;
  /** For a failed test: everything it wrote. */
  readonly output: string;
}

export interface FileOutcome {
  readonly file: string;
  readonly failed: boolean;
  readonly tests: number;
  readonly milliseconds: number;
}

export interface TallyEvents {
  readonly onTest?: (test: TestOutcome) => void;
  readonly onFile?: (file: FileOutcome) => void;
}

interface Frame {
  readonly name: string;
  readonly lines: string[];
  named: number;
  failed: number;
}

const SUBTEST = /^((?: {4})*)# Subtest(?:: (.*))?$/;
const POINT = /^((?: {4})*)(not )?ok(?: \d+)?(?: - (.*?))?(?: \{)?\s*$/;
const DIRECTIVE = /\s+#\s*(skip|todo)\b.*$/i;
const TIME = /\s+#\s*time=([\d.]+)(ms|s)?.*$/;

export class TapTally {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly files: FileOutcome[] = [];
  readonly failures: TestOutcome[] = [];
  bailedOut: string | undefined;
  readonly #expected: ReadonlySet<string>;
  readonly #events: TallyEvents;
  readonly #open: Frame[] = [];
  #diagnosticEnd: string | undefined;

  /** Only the given files count as files: tap adds points of its own, for example `timeout!`. */
  constructor(expected: readonly string[], events: TallyEvents = {}) {
    this.#expected = new Set(expected);
    this.#events = events;
  }

  /** Files that tap was given and never spoke of again. */
  unreported(): string[] {
    const reported = new Set(this.files.map((each) => each.file));
    return [...this.#expected].filter((file) => !reported.has(file));
  }

  line(text: string): void {
    for (const frame of this.#open) frame.lines.push(text);
    if (this.#insideDiagnostic(text)) return;
    const subtest = SUBTEST.exec(text);
    if (subtest !== null) return this.#begin(subtest[1]!.length / 4, subtest[2] ?? '');
    if (/^\s*Bail out!/.test(text)) this.bailedOut ??= text.trim();
    const point = POINT.exec(text);
    if (point !== null) this.#point(point[1]!.length / 4, point[2] === undefined, point[3] ?? '');
  }

  /** A diagnostic may quote TAP; nothing in it counts. */
  #insideDiagnostic(text: string): boolean {
    if (this.#diagnosticEnd !== undefined) {
      if (text === this.#diagnosticEnd) this.#diagnosticEnd = undefined;
      return true;
    }
    const start = /^(\s*)---$/.exec(text);
    if (start === null) return false;
    this.#diagnosticEnd = `${start[1]}...`;
    return true;
  }

  #begin(depth: number, name: string): void {
    this.#open.length = Math.min(this.#open.length, depth);
    if (this.#open.length !== depth) return; // printed by a test, not by tap
    this.#open.push({ name, lines: [], named: 0, failed: 0 });
  }

  #point(depth: number, ok: boolean, described: string): void {
    const { name: written, directive, milliseconds } = describe(described);
    const frame = this.#open[depth];
    // A file that is ended at its time limit gets no point under its own name.
    const name = depth === 0 && frame !== undefined && written === 'timeout!' ? frame.name : written;
    const closes = frame !== undefined && frame.name === name;
    const parent = this.#open[depth - 1];
    if (!closes) {
      if (depth > 0 && directive) this.#count(depth, [name], 'skipped', milliseconds, []);
      if (depth === 0) this.#endFile(name, ok, directive, milliseconds ?? 0, undefined);
      return;
    }
    const path = this.#open.slice(1, depth + 1).map((each) => each.name);
    this.#open.length = depth;
    if (depth === 0) return this.#endFile(name, ok, directive, milliseconds ?? 0, frame);
    const result = directive ? 'skipped' : ok ? 'passed' : 'failed';
    const isGroup = frame.named > 0;
    if (!isGroup || (result === 'failed' && frame.failed === 0)) {
      this.#count(depth, path, result, milliseconds, frame.lines);
    }
    if (parent !== undefined) {
      parent.named += Math.max(1, frame.named);
      parent.failed += Math.max(result === 'failed' ? 1 : 0, frame.failed);
    }
  }

  #count(
    depth: number,
    path: readonly string[],
    result: TestOutcome['result'],
    milliseconds: number | undefined,
    lines: readonly string[],
  ): void {
    this[result] += 1;
    const file = depth === 0 ? path[0]! : (this.#open[0]?.name ?? '');
    const output = result === 'failed' ? lines.join('\n') : '';
    const names = depth === 0 ? [] : path.map(unescapeName);
    const outcome = { file, path: names, result, milliseconds, output };
    if (result === 'failed') this.failures.push(outcome);
    this.#events.onTest?.(outcome);
  }

  #endFile(
    name: string,
    ok: boolean,
    directive: boolean,
    milliseconds: number,
    frame: Frame | undefined,
  ): void {
    if (!this.#expected.has(name)) return;
    const lines = frame?.lines ?? [];
    const isEmpty = lines.some((line) => /^ {4}1\.\.0 # no tests found$/.test(line)) && ok;
    const failed = (!ok && !directive) || isEmpty;
    let tests = frame?.named ?? 0;
    if (failed && (frame?.failed ?? 0) === 0) {
      const why = isEmpty ? [...lines, '    no test in this file'] : lines;
      this.#count(0, [name], 'failed', milliseconds, why);
      tests += 1;
    } else if (tests === 0) {
      this.#count(0, [name], directive ? 'skipped' : 'passed', milliseconds, []);
      tests = 1;
    }
    const file: FileOutcome = { file: name, failed, tests, milliseconds };
    this.files.push(file);
    this.#events.onFile?.(file);
  }
}

function describe(text: string): { name: string; directive: boolean; milliseconds: number | undefined } {
  const directive = DIRECTIVE.test(text);
  const time = TIME.exec(text.replace(DIRECTIVE, ''));
  const name = text.replace(DIRECTIVE, '').replace(TIME, '').trim();
  const milliseconds = time === null ? undefined : Number(time[1]) * (time[2] === 's' ? 1000 : 1);
  return { name, directive, milliseconds };
}

/** tap escapes `#` and `\` in names. */
function unescapeName(name: string): string {
  return name.replace(/\\([#\\])/g, '$1');
}
