// Which volume holds the data changes with a restore; the stack's files name it. Pure.

import { isScalar, parseDocument, stringify } from 'yaml';
import { overrideFile, type StackFiles } from '../folder.ts';

/** The same files, with these volumes in place of those they name: the release's key → the engine's name. */
export function withVolumes(files: StackFiles, volumes: Readonly<Record<string, string>>): StackFiles {
  let text = files.get(overrideFile) ?? '';
  for (const [key, name] of Object.entries(volumes)) text = withVolume(text, key, name);
  return new Map([...files].map(([path, was]) => [path, path === overrideFile ? text : was]));
}

/** The name alone is exchanged in the text: written anew, Compose's own `!reset null` would become something else. */
function withVolume(text: string, key: string, name: string): string {
  const doc = parseDocument(text, { logLevel: 'silent' });
  const named = doc.getIn(['volumes', key, 'name'], true);
  if (!isScalar(named) || !named.range) return text;
  const [start, end] = named.range;
  return text.slice(0, start) + stringify(name, { lineWidth: 0 }).trim() + text.slice(end);
}
