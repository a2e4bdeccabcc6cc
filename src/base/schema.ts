// Schemas as values, with the TypeScript types that TypeBox reads from them. The types are TypeBox's own; the values
// are the plain JSON Schema that it would make, made here: its builder is 700 modules, 19 MB of resident memory and
// 65 ms of start in a daemon that may idle at 80 MB. A test compares each builder's result with TypeBox's.

import type { TSchema, Type as TypeBox } from 'typebox';

export type { Static, TObject, TSchema } from 'typebox';

type Used =
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unknown';

/** How TypeBox itself marks what an object may leave out; not enumerable, so it never shows in the schema. */
const OPTIONAL = '~optional';
const ANY_KEY = '^.*$';

const plain =
  (type: string) =>
  (options: object = {}) => ({ type, ...options });

const builders: { readonly [Name in Used]: (...args: never[]) => object } = {
  Boolean: plain('boolean'),
  Integer: plain('integer'),
  Null: plain('null'),
  Number: plain('number'),
  String: plain('string'),
  Unknown: (options: object = {}) => ({ ...options }),
  Literal: (value: string | number | boolean, options: object = {}) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Enum: (values: readonly unknown[], options: object = {}) => ({ enum: values, ...options }),
  Array: (items: TSchema, options: object = {}) => ({ type: 'array', items, ...options }),
  Union: (anyOf: readonly TSchema[], options: object = {}) => ({ anyOf, ...options }),
  Record: (key: { readonly pattern?: string }, value: TSchema, options: object = {}) => ({
    type: 'object',
    patternProperties: { [key.pattern ?? ANY_KEY]: value },
    ...options,
  }),
  Object: (properties: Readonly<Record<string, TSchema>>, options: object = {}) => {
    const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name]!, OPTIONAL));
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options };
  },
  Optional: (schema: TSchema) => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
};

// TypeBox's signatures promise the static type of each value; the values are the same, as the test shows.
export const Type = builders as unknown as Pick<typeof TypeBox, Used>;

/** What JSON writes as null where there is nothing. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
