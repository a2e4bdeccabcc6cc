// The `x-onstead` block at the top of a vendor's Compose file, each shape written once. Its texts feed the error
// messages and hold the reference page. The blocks of the services: schema-services.ts.

import { Type, type Static } from '../base/schema.ts';
import { closed, Path, Size, Version } from './schema-fields.ts';

const Sizing = Type.Object(
  {
    perReplica: Type.Optional(
      Type.Object(
        {
          cpu: Type.Number({
            description: 'Cores that one replica uses when busy.',
            exclusiveMinimum: 0,
            maximum: 1024,
            expect: 'a number of cores above 0',
            example: '0.5',
          }),
          memory: Size('Memory that one replica needs.'),
        },
        { ...closed, description: 'What one replica needs.', example: '{ cpu: 1, memory: 1G }' },
      ),
    ),
    replicas: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: 1000 })], {
        description: 'How many replicas: a number, or `auto` for what the machine carries. Default auto.',
        expect: 'auto or a whole number from 1 to 1000',
        example: 'auto',
      }),
    ),
    usersPerReplica: Type.Optional(
      Type.Integer({
        description: 'Users that one replica serves; the size report counts with it.',
        minimum: 1,
        maximum: 10_000_000,
        expect: 'a whole number from 1',
        example: '150',
      }),
    ),
  },
  { ...closed, description: 'How the named service is sized.' },
);

const Smoke = Type.Object(
  {
    path: Path('Asked through the edge, as a client would.', '/login'),
    status: Type.Optional(
      Type.Integer({
        description: 'The status that must come back. Default 200.',
        minimum: 100,
        maximum: 599,
        expect: 'an HTTP status from 100 to 599',
        example: '200',
      }),
    ),
    contains: Type.Optional(
      Type.String({
        description: 'Text that the answer must hold.',
        minLength: 1,
        maxLength: 1000,
        expect: 'text',
        example: 'Sign in',
      }),
    ),
  },
  { ...closed, description: 'One check.' },
);

export const ReleaseBlock = Type.Object(
  {
    version: Version('The version of this release.'),
    title: Type.Optional(
      Type.String({
        description: 'The name of the product as people read it. Default: the Compose name.',
        minLength: 1,
        maxLength: 200,
        expect: 'text',
        example: 'Patient Management',
      }),
    ),
    notes: Type.Optional(
      Type.String({
        description: 'Release notes, Markdown, shown before an upgrade.',
        maxLength: 100_000,
        expect: 'text',
        example: 'Search is faster.',
      }),
    ),
    upgrade: Type.Optional(
      Type.Object(
        {
          from: Type.Optional(
            Type.String({
              description: 'The versions that may be upgraded to this one, as a semver range.',
              minLength: 1,
              maxLength: 200,
              range: true,
              expect: 'a semver range',
              example: '">=1.2.0"',
            }),
          ),
          stops: Type.Optional(
            Type.Array(Version('A version that must be installed on the way.'), {
              description: 'Versions that no upgrade may jump over.',
              maxItems: 100,
              expect: 'a list of versions',
              example: '["1.3.0"]',
            }),
          ),
        },
        { ...closed, description: 'Which upgrades lead here.', example: '{ from: ">=1.2.0" }' },
      ),
    ),
    sizing: Type.Optional(
      Type.Record(Type.String(), Sizing, {
        description: 'By service name: what sizing must know.',
        expect: 'a map from service name to its sizing',
        example: '{ app: { replicas: auto } }',
      }),
    ),
    smoke: Type.Optional(
      Type.Array(Smoke, {
        description: 'Checks through the edge after an install or upgrade.',
        maxItems: 50,
        expect: 'a list of checks',
        example: '[{ path: /login }]',
      }),
    ),
  },
  { ...closed, description: 'The release itself, at the top of the file.' },
);
export type ReleaseBlock = Static<typeof ReleaseBlock>;
export type SizingBlock = Static<typeof Sizing>;
