// How Fastify checks requests and writes answers here. ajv, with the 100 modules that come with it, is loaded by the
// first request that has something to check: an idle daemon starts a quarter sooner without. An answer is the part of
// the value that its schema names, as with Fastify's own writer, so that nothing gets out that nobody declared.

import { createRequire } from 'node:module';
import type { FastifyServerOptions } from 'fastify';

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>;
type Check = ((value: unknown) => unknown) & { errors?: unknown };
type CompileCheck = (route: object) => Check;
type BuildValidator = (...given: readonly unknown[]) => CompileCheck;

// Fastify's types speak of ajv's; what goes through here is only handed on.
export const compilersFactory = {
  buildValidator: (...given: readonly unknown[]) => lazyChecks(() => loadAjv()(...given)),
  buildSerializer:
    () =>
    ({ schema }: { readonly schema: Shape }) =>
    (value: unknown) =>
      JSON.stringify(declared(schema, value)),
} as unknown as Factories;

/** Of Fastify's own packages, since it is Fastify's own validator that is only made later. */
function loadAjv(): BuildValidator {
  const fastify = createRequire(createRequire(import.meta.url).resolve('fastify'));
  const select = fastify('@fastify/ajv-compiler') as () => BuildValidator; // CommonJS, loaded by hand: untyped
  return select();
}

function lazyChecks(load: () => CompileCheck): CompileCheck {
  let compile: CompileCheck | undefined;
  return (route) => {
    let made: Check | undefined;
    const check: Check = (value) => {
      compile ??= load();
      made ??= compile(route);
      const answer = made(value);
      check.errors = made.errors;
      return answer;
    };
    return check;
  };
}

/** The part of JSON Schema that tells what belongs to an answer. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** The part of the value that the schema names. */
export function declared(schema: Shape, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const shape = schema.anyOf === undefined ? schema : (schema.anyOf.find((one) => fits(one, value)) ?? {});
  if (Array.isArray(value)) return value.map((item) => declared(shape.items ?? {}, item));
  const { properties = {}, additionalProperties = false } = shape;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (known !== undefined) return [[key, declared(known, one)]];
      return additionalProperties ? [[key, one]] : [];
    }),
  );
}

function fits(shape: Shape, value: object): boolean {
  return Array.isArray(value) ? shape.items !== undefined : shape.properties !== undefined;
}
