// Checks a value against a TypeBox schema and finds every mistake at once, each with what would be right.

import type { TSchema } from '../base/schema.ts';
import type { YamlPath } from './yaml-source.ts';

export interface Finding {
  readonly path: YamlPath;
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly fix: string;
}

/** The part of JSON Schema that our shapes use. */
interface Shape {
  readonly type?: string;
  readonly properties?: Record<string, Shape>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly patternProperties?: Record<string, Shape>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly expect?: string;
  readonly example?: string;
  readonly quoted?: boolean;
}

export function checkShape(schema: TSchema, value: unknown, path: YamlPath): Finding[] {
  return check(schema as Shape, value, path); // TypeBox schemas are JSON Schema objects
}

function check(shape: Shape, value: unknown, path: YamlPath): Finding[] {
  if (shape.properties !== undefined) return checkObject(shape, value, path);
  if (shape.patternProperties !== undefined) return checkRecord(shape, value, path);
  if (shape.type === 'array') return checkList(shape, value, path);
  return holds(shape, value) ? [] : [wrongValue(shape, value, path)];
}

function checkObject(shape: Shape, value: unknown, path: YamlPath): Finding[] {
  if (!isRecord(value)) return [wrongValue({ expect: 'a map of keys', ...shape }, value, path)];
  const known = Object.keys(shape.properties!);
  const missing = (shape.required ?? []).filter((key) => value[key] === undefined);
  return [
    ...Object.keys(value).flatMap((key) =>
      known.includes(key)
        ? check(shape.properties![key]!, value[key], [...path, key])
        : shape.additionalProperties === false
          ? [unknownKey(key, known, [...path, key])]
          : [],
    ),
    ...missing.map((key) => missingKey(key, shape.properties![key]!, path)),
  ];
}

function checkRecord(shape: Shape, value: unknown, path: YamlPath): Finding[] {
  if (!isRecord(value)) return [wrongValue(shape, value, path)];
  const item = Object.values(shape.patternProperties!)[0]!;
  return Object.keys(value).flatMap((key) => check(item, value[key], [...path, key]));
}

function checkList(shape: Shape, value: unknown, path: YamlPath): Finding[] {
  if (!Array.isArray(value)) return [wrongValue(shape, value, path)];
  const { minItems = 0, maxItems = Infinity } = shape;
  const count = value.length < minItems || value.length > maxItems ? [wrongValue(shape, value, path)] : [];
  return [...count, ...value.flatMap((item, index) => check(shape.items!, item, [...path, index]))];
}

function holds(shape: Shape, value: unknown): boolean {
  if (shape.anyOf !== undefined) return shape.anyOf.some((one) => holds(one, value));
  if (shape.const !== undefined) return value === shape.const;
  if (shape.enum !== undefined) return shape.enum.includes(value);
  if (shape.type === 'string') return typeof value === 'string' && textHolds(shape, value);
  if (shape.type === 'boolean') return typeof value === 'boolean';
  if (shape.type === 'integer') return Number.isSafeInteger(value) && numberHolds(shape, value as number);
  return typeof value === 'number' && Number.isFinite(value) && numberHolds(shape, value);
}

function textHolds(shape: Shape, text: string): boolean {
  const { minLength = 0, maxLength = Infinity, pattern } = shape;
  const length = [...text].length;
  return (
    length >= minLength && length <= maxLength && (pattern === undefined || new RegExp(pattern).test(text))
  );
}

function numberHolds(shape: Shape, number: number): boolean {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity } = shape;
  return number >= minimum && number <= maximum && number > exclusiveMinimum;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function wrongValue(shape: Shape, value: unknown, path: YamlPath): Finding {
  const name = nameOf(path);
  const expected = shape.expect ?? (shape.const === undefined ? 'something else' : show(shape.const));
  return {
    path,
    at: 'value',
    message: `${name} is ${show(value)}; it must be ${expected}.`,
    fix: fixFor(shape, value, String(path.findLast((part) => typeof part === 'string') ?? '')),
  };
}

function fixFor(shape: Shape, value: unknown, key: string): string {
  if (shape.enum !== undefined && typeof value === 'string') {
    const near = nearest(value, shape.enum.map(String));
    if (near !== undefined) return `Did you mean "${near}"?`;
  }
  if (shape.quoted === true && typeof value === 'number') {
    return `Write all three numbers, for example ${key}: ${threeParts(value)}.`;
  }
  return shape.example === undefined
    ? `Write ${shape.expect ?? 'the right value'}.`
    : `Write for example ${key}: ${shape.example}.`;
}

function threeParts(value: number): string {
  return [...String(value).split('.'), '0', '0'].slice(0, 3).join('.');
}

function unknownKey(key: string, known: readonly string[], path: YamlPath): Finding {
  const near = nearest(key, known);
  return {
    path,
    at: 'key',
    message: `"${key}" is not a key that stands here.`,
    fix: near === undefined ? `Remove it. Known here: ${known.join(', ')}.` : `Did you mean "${near}"?`,
  };
}

function missingKey(key: string, shape: Shape, path: YamlPath): Finding {
  const what = shape.expect === undefined ? '' : `, ${shape.expect}`;
  return {
    path,
    at: 'key',
    message: `"${key}" is missing${what}.`,
    fix:
      shape.example === undefined
        ? `Add "${key}".`
        : `Add it, for example ${key}: ${shape.example.replaceAll('\n', ' ')}.`,
  };
}

function nameOf(path: YamlPath): string {
  const last = path.at(-1);
  if (typeof last !== 'number') return `"${String(last ?? 'The file')}"`;
  return `Item ${last + 1} of "${String(path.findLast((part) => typeof part === 'string') ?? 'the list')}"`;
}

export function show(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The known word that a typing mistake most likely meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const scored = known
    .map((one) => ({ one, distance: editDistance(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return scored[0]?.one;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return 99;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
