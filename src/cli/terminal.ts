// What a person sees: words, tables, colours where there is a terminal, and one progress line that redraws itself.

import { systemCode } from '../base/errors.ts';
import { formatBytes, formatDuration } from '../base/units.ts';

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'dim' | 'strong';

const CODES: Record<Tone, string> = {
  plain: '',
  good: '\u001B[32m',
  warn: '\u001B[33m',
  bad: '\u001B[31m',
  dim: '\u001B[2m',
  strong: '\u001B[1m',
};

export interface TerminalStreams {
  readonly out: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly err: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
}

export class Terminal {
  readonly #streams: TerminalStreams;
  readonly json: boolean;
  readonly #live: boolean;
  readonly #colour: boolean;
  #line = '';
  #isInLines = false;
  #unwritable: Error | undefined;

  constructor(streams: TerminalStreams, json: boolean, onReaderGone: () => void = () => {}) {
    this.#streams = streams;
    this.json = json;
    // `onstead … | head`: who reads no further has seen enough; that is no error.
    for (const stream of [streams.out, streams.err]) {
      stream.on('error', (error) => {
        if (systemCode(error) !== 'EPIPE') this.#unwritable ??= error;
        onReaderGone();
      });
    }
    const isTty = 'isTTY' in streams.out && streams.out.isTTY === true;
    this.#live = isTty && !json && streams.env['TERM'] !== 'dumb';
    this.#colour = this.#live && streams.env['NO_COLOR'] === undefined;
  }

  get width(): number {
    const { out } = this.#streams;
    return 'columns' in out && typeof out.columns === 'number' ? out.columns : 100;
  }

  /** How wide a line may be; whoever reads by program wants it whole. */
  get room(): number {
    return this.#live ? this.width : Infinity;
  }

  /** Why the answer did not arrive where it was sent, such as into a file on a full disk. */
  get unwritable(): Error | undefined {
    return this.#unwritable;
  }

  paint(tone: Tone, text: string): string {
    return this.#colour && tone !== 'plain' ? `${CODES[tone]}${text}\u001B[0m` : text;
  }

  /** One line of the answer. Silent with --json, whose only output is the answer itself. */
  say(text = ''): void {
    if (this.json) return;
    this.clearLine();
    this.#streams.out.write(`${text}\n`);
  }

  /** After lines it is one more of them: whoever reads line by line goes on to the end. */
  answer(value: unknown): void {
    if (this.json) this.#streams.out.write(`${JSON.stringify(value, null, this.#isInLines ? 0 : 2)}\n`);
  }

  /** One JSON value a line, for answers that arrive over time. */
  answerLine(value: unknown): void {
    this.#isInLines = true;
    if (this.json) this.#streams.out.write(`${JSON.stringify(value)}\n`);
  }

  complain(text: string): void {
    this.clearLine();
    this.#streams.err.write(`${text}\n`);
  }

  /** Redraws the one live line; without a terminal nothing is drawn. */
  redraw(text: string): void {
    if (!this.#live) return;
    this.#line = text;
    this.#streams.out.write(`\r\u001B[2K${text.slice(0, this.width - 1)}`);
  }

  clearLine(): void {
    if (this.#line === '') return;
    this.#line = '';
    this.#streams.out.write('\r\u001B[2K');
  }

  table(rows: readonly (readonly string[])[]): void {
    const widths = (rows[0] ?? []).map((_, column) =>
      Math.max(...rows.map((row) => visible(row[column] ?? ''))),
    );
    for (const row of rows) {
      const cells = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(widths[column]! - visible(cell)),
      );
      const indent = widths.slice(0, row.length - 1).reduce((sum, width) => sum + width + 2, 0);
      this.sayWrapped(cells.join('  '), indent);
    }
  }

  /** Broken between words where a person looks; as one line for whoever reads it by program. */
  sayWrapped(text: string, indent = 0): void {
    for (const line of wrap(text, this.room, indent)) this.say(line);
  }
}

/** Narrower than this a column of words cannot be read; then the terminal breaks the line as it likes. */
const NARROWEST = 16;

function wrap(text: string, width: number, indent: number): string[] {
  if (visible(text) <= width || width - indent < NARROWEST) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S)(?= )/)) {
    if (visible(line) + visible(word) > width && visible(line) > indent) {
      lines.push(line);
      line = ' '.repeat(indent) + word.trimStart();
    } else {
      line += word;
    }
  }
  return [...lines, line];
}

function visible(text: string): number {
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  return text.replace(/\u001B\[\d+m/g, '').length;
}

export interface Transfer {
  readonly done: number;
  readonly total: number;
}

/** A bar with bytes, rate and seconds left, from when it began and how far it is. */
export function drawBar(title: string, { done, total }: Transfer, elapsedMs: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const cells = 24;
  const full = Math.round(share * cells);
  const rate = elapsedMs > 300 ? done / (elapsedMs / 1000) : 0;
  const left = rate > 0 ? `, ${formatDuration((Math.max(0, total - done) / rate) * 1000)} left` : '';
  const bar = '█'.repeat(full) + '░'.repeat(cells - full);
  return `${title}  ${bar}  ${formatBytes(done)} of ${formatBytes(total)}${rate > 0 ? ` at ${formatBytes(rate)}/s` : ''}${left}`;
}
