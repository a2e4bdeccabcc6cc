// A vendor's Compose file → a Release, or one error that carries every mistake with its place and its cure.

import { OnsteadError } from '../base/errors.ts';
import { placeFindings, placeProblems } from './checked-yaml.ts';
import { checkService } from './compose-rules.ts';
import { joinedPermissions } from './joined.ts';
import type { Permission } from './permission.ts';
import type { Mistake, Release } from './release.ts';
import { releaseFrom, secretsOf } from './release-from.ts';
import {
  checkRoles,
  checkServiceBlock,
  checkSizing,
  checkVersions,
  judgeReaches,
  roleOf,
} from './release-rules.ts';
import { ReleaseBlock } from './schema.ts';
import { isMap } from './service-map.ts';
import { checkShape, nearest, show } from './shape.ts';
import type { Finding } from './shape.ts';
import { checkTop } from './top-rules.ts';
import { readYaml } from './yaml-source.ts';
import type { YamlPath } from './yaml-source.ts';

type Map = Readonly<Record<string, unknown>>;

export function parseRelease(text: string, fileName: string): Release {
  const source = readYaml(text);
  if (source.problems.length > 0) {
    throw invalid(fileName, placeProblems(fileName, source));
  }
  const root = source.value;
  if (!isMap(root)) throw invalid(fileName, [emptyFile(fileName, root)]);
  const { mistakes, warnings, permissions } = checkAll(root);
  const placed = (findings: readonly Finding[]): Mistake[] => placeFindings(fileName, source, findings);
  if (mistakes.length > 0) throw invalid(fileName, placed(mistakes));
  return releaseFrom(root, permissions, placed(warnings));
}

function emptyFile(file: string, root: unknown): Mistake {
  return {
    file,
    line: 1,
    column: 1,
    path: '',
    message: `The file is ${show(root)}; it must be a Compose file.`,
    fix: 'Write name:, x-onstead: and services: at the top.',
  };
}

function invalid(file: string, mistakes: readonly Mistake[]): OnsteadError {
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  return new OnsteadError('release.invalid', `The release file ${file} has ${count}.`, {
    next: 'Correct what is listed, then try again.',
    details: mistakes,
  });
}

interface Findings {
  readonly mistakes: Finding[];
  readonly warnings: Finding[];
  readonly permissions: Permission[];
}

function checkAll(root: Map): Findings {
  const block = root['x-onstead'];
  const services = isMap(root['services']) ? root['services'] : {};
  const top = isMap(block) ? block : {};
  const each = Object.entries(services).map(([name, service]) => checkOne(root, services, name, service));
  const permissions = each.flatMap((one) => one.permissions);
  return {
    mistakes: [
      ...checkTop(root),
      ...(block === undefined ? [] : checkShape(ReleaseBlock, block, ['x-onstead'])),
      ...checkVersions(top),
      ...checkSizing(top, services),
      ...(Object.keys(services).length === 0 ? [] : checkRoles(services)),
      ...each.flatMap((one) => one.mistakes),
    ],
    warnings: each.flatMap((one) => one.warnings),
    permissions: [...permissions, ...joinedPermissions(services, permissions)],
  };
}

function checkOne(root: Map, services: Map, name: string, service: unknown): Findings {
  const path: YamlPath = ['services', name];
  if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(name)) {
    const finding: Finding = {
      path,
      at: 'key',
      message: `"${name}" is not a name for a service.`,
      fix: 'Use a-z, 0-9, ".", "-" and "_", starting with a letter or digit; at most 63.',
    };
    return { mistakes: [finding], warnings: [], permissions: [] };
  }
  if (!isMap(service)) {
    return {
      mistakes: [
        {
          path,
          at: 'value',
          message: `The service "${name}" is ${show(service)}; it must be a map.`,
          fix: 'Write at least image:.',
        },
      ],
      warnings: [],
      permissions: [],
    };
  }
  const typo = Object.keys(service).filter(
    (key) => key !== 'x-onstead' && nearest(key, ['x-onstead']) !== undefined,
  );
  const rules = checkService(service, {
    name,
    role: roleOf(service),
    edge: edgeServices(services),
    secrets: secretsOf(root, services),
  });
  const reaches = judgeReaches(name, service, rules.reaches);
  return {
    mistakes: [
      ...typo.map((key): Finding => ({
        path: [...path, key],
        at: 'key',
        message: `"${key}" is not a key that stands here.`,
        fix: 'Did you mean "x-onstead"?',
      })),
      ...checkServiceBlock(name, service),
      ...rules.mistakes,
      ...reaches.mistakes,
    ],
    warnings: [...rules.warnings, ...reaches.warnings],
    permissions: reaches.permissions,
  };
}

function edgeServices(services: Map): string[] {
  return Object.entries(services).flatMap(([name, service]) => {
    if (roleOf(service) !== 'nginx' || !isMap(service)) return [];
    const joined = /^service:(.+)$/.exec(String(service['network_mode'] ?? ''));
    return joined === null ? [name] : [name, joined[1]!];
  });
}
