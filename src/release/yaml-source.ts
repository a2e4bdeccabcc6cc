// Reads YAML as plain data and remembers where each value stood. Bounded: size, nesting and aliases.

import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { messageOf } from '../base/errors.ts';

export type YamlPath = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface YamlProblem extends Place {
  readonly message: string;
  readonly fix: string;
}

export interface YamlSource {
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Where the key (or, in a list, the item) stands; of a missing one, where its nearest parent does. */
  placeOfKey(path: YamlPath): Place;
  placeOfValue(path: YamlPath): Place;
  /** The characters of a plain value, through aliases and merge keys. */
  rangeOf(path: YamlPath): Range | undefined;
}

const MAX_BYTES = 1024 * 1024;
const MAX_ALIASES = 200;
const MAX_DEPTH = 100;

export function readYaml(text: string): YamlSource {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    return unreadable('The file is larger than 1 MB.', 'Keep the release file small; put data into images.');
  }
  if (deepest(text) > MAX_DEPTH) {
    return unreadable(`The file is nested more than ${MAX_DEPTH} levels deep.`, 'Flatten it.');
  }
  const lines = new LineCounter();
  const doc = parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Place => placeAt(lines, offset);
  const problems: YamlProblem[] = doc.errors.map((error) => ({
    ...at(error.pos[0]),
    message: yamlSentence(error.code, error.message),
    fix: YAML_FIXES[error.code] ?? 'Correct the YAML at this place.',
  }));
  const value = problems.length === 0 ? plainValue(doc, problems) : undefined;
  return {
    value,
    problems,
    placeOfKey: (path) => at(keyOffset(doc, path)),
    placeOfValue: (path) => at(valueOffset(doc, path)),
    rangeOf: (path) => scalarRange(doc, path),
  };
}

function unreadable(message: string, fix: string): YamlSource {
  const first = { line: 1, column: 1 };
  return {
    value: undefined,
    problems: [{ ...first, message, fix }],
    placeOfKey: () => first,
    placeOfValue: () => first,
    rangeOf: () => undefined,
  };
}

/** An upper bound of the nesting, so that the recursive parser is never handed more than its stack holds. */
function deepest(text: string): number {
  let depth = 0;
  let most = 0;
  for (const line of text.split('\n')) {
    const indent = /^[ \-?]*/.exec(line)![0].length;
    most = Math.max(most, Math.ceil(indent / 2));
    for (const char of line) {
      if (char === '[' || char === '{') most = Math.max(most, (depth += 1));
      else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    }
  }
  return most;
}

function plainValue(doc: Document.Parsed, problems: YamlProblem[]): unknown {
  try {
    return doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const bomb = /alias/i.test(messageOf(error));
    problems.push({
      line: 1,
      column: 1,
      message: bomb ? 'The file repeats itself through too many aliases.' : messageOf(error),
      fix: bomb ? 'Use fewer aliases (*name); write the values out.' : 'Correct the YAML.',
    });
    return undefined;
  }
}

const YAML_FIXES: Record<string, string> = {
  DUPLICATE_KEY: 'Keep one of them.',
  TAB_AS_INDENT: 'Indent with spaces.',
  MULTIPLE_DOCS: 'Keep one document in the file: remove what follows "---".',
};

function yamlSentence(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'This key stands twice in the same map.';
  const first = message.split('\n')[0]!.trim();
  return first.endsWith('.') ? first : `${first}.`;
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function resolved(doc: Document, node: unknown): Node | undefined {
  const target = isAlias(node) ? node.resolve(doc) : node;
  return (target ?? undefined) as Node | undefined; // yaml types a resolved alias as unknown
}

function pairOf(doc: Document, node: Node | undefined, key: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  const own = node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (own !== undefined) return own;
  for (const pair of node.items) {
    if (!isScalar(pair.key) || (pair.key.value !== '<<' && typeof pair.key.value !== 'symbol')) continue;
    const source = resolved(doc, pair.value);
    const candidates = isSeq(source) ? source.items.map((item) => resolved(doc, item)) : [source];
    for (const candidate of candidates) {
      const found = candidate === node ? undefined : pairOf(doc, candidate, key);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

interface Step {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

function stepsAlong(doc: Document, path: YamlPath): Step[] {
  const steps: Step[] = [{ key: undefined, value: resolved(doc, doc.contents) }];
  for (const part of path) {
    const node = steps.at(-1)!.value;
    if (typeof part === 'number') {
      if (!isSeq(node) || node.items[part] === undefined) break;
      const item = node.items[part] as Node; // items of a parsed sequence are nodes
      steps.push({ key: item, value: resolved(doc, item) });
      continue;
    }
    const pair = pairOf(doc, node, part);
    if (pair === undefined) break;
    steps.push({ key: pair.key as Node, value: resolved(doc, pair.value) });
  }
  return steps;
}

function keyOffset(doc: Document, path: YamlPath): number {
  const step = stepsAlong(doc, path).findLast((one) => one.key?.range != null);
  return step?.key?.range?.[0] ?? 0;
}

function valueOffset(doc: Document, path: YamlPath): number {
  const steps = stepsAlong(doc, path);
  if (steps.length !== path.length + 1) return keyOffset(doc, path);
  return steps.at(-1)!.value?.range?.[0] ?? keyOffset(doc, path);
}

function scalarRange(doc: Document, path: YamlPath): Range | undefined {
  const steps = stepsAlong(doc, path);
  const node = steps.length === path.length + 1 ? steps.at(-1)!.value : undefined;
  if (!isScalar(node) || node.range == null) return undefined;
  return { start: node.range[0], end: node.range[1] };
}
