// The lean builder makes what TypeBox makes, so that its types stay true.

import t from 'tap';
import { Type as TypeBox } from 'typebox';
import { Check } from 'typebox/value';
import { Type } from '../../../src/base/schema.ts';

type Builder = typeof Type;

/** One of each builder, bare and with options, and the ways in which they are put together. */
const SAMPLES: Readonly<Record<string, (build: Builder) => object>> = {
  Boolean: (build) => build.Boolean({ default: false }),
  Integer: (build) => build.Integer({ minimum: 0, maximum: 9 }),
  Null: (build) => build.Null(),
  Number: (build) => build.Number({ exclusiveMinimum: 0, description: 'more than nothing' }),
  String: (build) => build.String({ minLength: 1, pattern: '^/' }),
  Unknown: (build) => build.Unknown({ description: 'anything' }),
  'Literal of a word': (build) => build.Literal('mysql'),
  'Literal of a number': (build) => build.Literal(5),
  'Literal of a truth': (build) => build.Literal(true, { description: 'always' }),
  Enum: (build) => build.Enum(['pass', 'warn'], { description: 'a verdict' }),
  Array: (build) => build.Array(build.String(), { minItems: 1 }),
  Union: (build) => build.Union([build.Literal('auto'), build.Integer()], { description: 'both' }),
  Record: (build) => build.Record(build.String(), build.Number(), { description: 'by name' }),
  'Record with a pattern': (build) => build.Record(build.String({ pattern: '^[a-z]+$' }), build.Null()),
  'Object of what is needed and what is not': (build) =>
    build.Object(
      { kind: build.String(), note: build.Optional(build.String({ maxLength: 3 })), at: build.Number() },
      { additionalProperties: false },
    ),
  'Object that needs nothing': (build) => build.Object({ note: build.Optional(build.String()) }),
  'Object without keys': (build) => build.Object({}),
  Optional: (build) => build.Optional(build.Array(build.Boolean())),
};

t.test('each builder makes the schema that TypeBox makes', async (t) => {
  const tried = new Set(Object.keys(SAMPLES).map((name) => name.split(' ')[0]!));
  t.strictSame(
    Object.keys(Type).filter((name) => !tried.has(name)),
    [],
    'every builder is tried',
  );
  for (const [name, sample] of Object.entries(SAMPLES)) {
    t.strictSame(JSON.parse(JSON.stringify(sample(Type))), JSON.parse(JSON.stringify(sample(TypeBox))), name);
  }
});

t.test('TypeBox itself judges by such a schema', async (t) => {
  const schema = Type.Object({ name: Type.String(), age: Type.Optional(Type.Integer({ minimum: 0 })) });
  t.ok(Check(schema, { name: 'a' }));
  t.ok(Check(schema, { name: 'a', age: 3 }));
  t.notOk(Check(schema, { age: 3 }));
  t.notOk(Check(schema, { name: 'a', age: -1 }));
});
