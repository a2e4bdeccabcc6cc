// The rows that the reference page must hold, made from the schema itself.

import type { TSchema } from 'typebox';
import { ReleaseBlock } from '../../../src/release/schema.ts';
import { CarriedBlock, ServiceBlocks } from '../../../src/release/schema-services.ts';

interface Shape {
  readonly description?: string;
  readonly expect?: string;
  readonly example?: string;
  readonly const?: string;
  readonly required?: readonly string[];
  readonly properties?: Record<string, Shape>;
  readonly patternProperties?: Record<string, Shape>;
  readonly items?: Shape;
}

export const SECTIONS: readonly { readonly heading: string; readonly schema: TSchema }[] = [
  { heading: '## The release', schema: ReleaseBlock },
  ...Object.entries(ServiceBlocks).map(([role, schema]) => ({ heading: `### ${role}`, schema })),
  { heading: '### No role', schema: CarriedBlock },
];

export function rowsOf(schema: TSchema): string[] {
  return rows(schema as Shape, ''); // TypeBox schemas are JSON Schema objects
}

function rows(shape: Shape, prefix: string): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, one]) => {
    const path = `${prefix}${key}`;
    const needed = (shape.required ?? []).includes(key) ? 'yes' : '';
    const value = one.const === undefined ? (one.expect ?? 'a map of keys') : `\`${one.const}\``;
    const example =
      one.example === undefined ? '' : `\`${one.example.replaceAll('\n', ' ').replaceAll('|', '\\|')}\``;
    const row = `| \`${path}\` | ${needed} | ${value} | ${one.description ?? ''} | ${example} |`;
    return [row, ...inner(one, path)];
  });
}

function inner(shape: Shape, path: string): string[] {
  if (shape.properties !== undefined) return rows(shape, `${path}.`);
  const record = Object.values(shape.patternProperties ?? {})[0];
  if (record !== undefined) return rows(record, `${path}.<service>.`);
  return shape.items?.properties === undefined ? [] : rows(shape.items, `${path}[].`);
}
