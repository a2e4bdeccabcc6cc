// Mistakes in a file that people write, each with its place in that file.

import type { TSchema } from '../base/schema.ts';
import type { Mistake } from './release.ts';
import { checkShape, type Finding } from './shape.ts';
import { readYaml, type YamlPath, type YamlSource } from './yaml-source.ts';

export type CheckedYaml =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Reads a whole file against one schema; an empty file is an empty map. */
export function checkYaml(text: string, file: string, schema: TSchema): CheckedYaml {
  const source = readYaml(text);
  const value = source.value ?? {};
  const mistakes =
    source.problems.length > 0
      ? placeProblems(file, source)
      : placeFindings(file, source, checkShape(schema, value, []));
  return mistakes.length === 0 ? { ok: true, value } : { ok: false, mistakes };
}

export function placeProblems(file: string, source: YamlSource): Mistake[] {
  return source.problems.map((problem) => ({ file, path: '', ...problem }));
}

export function placeFindings(file: string, source: YamlSource, findings: readonly Finding[]): Mistake[] {
  return findings.map((finding) => placedIn(file, source, finding)).sort(byPlace);
}

function placedIn(file: string, source: YamlSource, finding: Finding): Mistake {
  const place = finding.at === 'key' ? source.placeOfKey(finding.path) : source.placeOfValue(finding.path);
  return { file, ...place, path: written(finding.path), message: finding.message, fix: finding.fix };
}

function byPlace(a: Mistake, b: Mistake): number {
  return a.line - b.line || a.column - b.column;
}

function written(path: YamlPath): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}
