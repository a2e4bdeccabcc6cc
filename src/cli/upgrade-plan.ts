// The plan of an upgrade on one screen: what changes, what is needed, how long, and what the way back keeps.

import { formatBytes, formatDuration } from '../base/units.ts';
import type { UpgradePreview } from '../api/schemas.ts';
import type { Terminal } from './terminal.ts';

export type Row = readonly [about: string, text: string];

export function sayUpgradePlan(title: string, preview: UpgradePreview, terminal: Terminal): void {
  sayDirection(title, preview, terminal);
  terminal.say();
  saySections(
    [
      ['Images', imageRows(preview)],
      ['Migrations', migrationRows(preview, terminal)],
      ['Replaced', serviceRows(preview, terminal)],
      ['Strategy', preview.strategies.map(({ service, why }) => [service, why])],
      ['Disk', diskRows(preview, terminal)],
      ['Way back', wayBackRows(preview)],
      ['Removes', removedRows(preview)],
      ['Rehearsed', rehearsalRows(preview, terminal)],
      ['Time', [['', timeInWords(preview)]]],
      ['Preflight', checkRows(preview, terminal)],
    ],
    terminal,
  );
}

export function sayDirection(
  title: string,
  { from, to, steps }: Pick<UpgradePreview, 'from' | 'to' | 'steps'>,
  terminal: Terminal,
): void {
  terminal.say(`${terminal.paint('strong', `${title} ${from} → ${to}`)}, ${steps.length} steps`);
}

/** Sections are narrow names; what a line is about (a service, a folder) is lined up within its section. */
export function saySections(
  sections: readonly (readonly [string, readonly Row[]])[],
  terminal: Terminal,
): void {
  const shown = sections.filter(([, rows]) => rows.length > 0);
  const width = Math.max(...shown.map(([name]) => name.length)) + 2;
  for (const [name, rows] of shown) {
    const within = Math.max(...rows.map(([word]) => word.length));
    for (const [at, [word, text]] of rows.entries()) {
      const head =
        at === 0 ? terminal.paint('strong', name) + ' '.repeat(width - name.length) : ' '.repeat(width);
      const subject = within === 0 ? '' : `${word.padEnd(within)}  `;
      terminal.sayWrapped(`${head}${subject}${text}`, width + subject.length);
    }
  }
}

export function saySteps({ steps }: Pick<UpgradePreview, 'steps'>, terminal: Terminal): void {
  const marks = { measured: '', fixed: '', assumed: ' (assumed)' };
  terminal.say();
  terminal.table(
    steps.map(({ title, ms, from }, at) => [
      String(at + 1).padStart(4),
      about(ms),
      `${title}${terminal.paint('dim', marks[from])}`,
    ]),
  );
}

function imageRows({ images, sameImages }: UpgradePreview): Row[] {
  const rows = images.map(({ services, repository, isNew, bytes, loadBytes }): Row => {
    const load =
      loadBytes === 0
        ? 'nothing to load'
        : loadBytes === bytes
          ? 'all of it to load'
          : `${formatBytes(loadBytes)} to load`;
    return [services.join(', '), `${isNew ? 'new, ' : ''}${formatBytes(bytes)}, ${load} (${repository})`];
  });
  const same =
    sameImages === 0
      ? []
      : [['', `${sameImages} ${rows.length === 0 ? '' : 'others '}stay as they are`] as const];
  return [...rows, ...same];
}

function migrationRows({ migrations }: UpgradePreview, terminal: Terminal): Row[] {
  if (migrations.length === 0) return [['', 'none']];
  return migrations.map(({ service, command, isReversible }) => [
    service,
    isReversible ? `reversible: ${command}` : `${terminal.paint('warn', 'irreversible')}: ${command}`,
  ]);
}

export function serviceRows({ services }: Pick<UpgradePreview, 'services'>, terminal: Terminal): Row[] {
  if (services.length === 0) return [['', 'nothing is restarted']];
  return services.map(({ service, how, ms, requests, heldAtMostMs }) => {
    const atMost = heldAtMostMs === null ? '' : `, at most ${formatDuration(heldAtMostMs)}`;
    const people = {
      answered: 'requests are answered',
      wait: `requests wait${atMost}`,
      fail: terminal.paint('warn', 'requests that need it may fail'),
    };
    return [service, `${how}; about ${about(ms)}; ${people[requests]}`];
  });
}

export function diskRows({ disk }: Pick<UpgradePreview, 'disk'>, terminal: Terminal): Row[] {
  return disk.map(({ path, needs, neededBytes, freeBytes }) => {
    const parts = needs.map(({ what, bytes }) => `${what} ${formatBytes(bytes)}`);
    const only = needs.length === 1 ? ` for ${needs[0]!.what}` : ` (${parts.join(', ')})`;
    const free = `${formatBytes(freeBytes)} free`;
    const isShort = freeBytes < neededBytes;
    const needed = neededBytes === 0 ? 'nothing' : `${formatBytes(neededBytes)}${only}`;
    return [path, `needs ${needed}; ${isShort ? terminal.paint('bad', free) : free}`];
  });
}

function wayBackRows({ from, point, rollback }: UpgradePreview): Row[] {
  return [keptRow(from, point), ...rollback.sentences.map((text): Row => ['', text])];
}

export function keptRow(from: string, { databases, stores }: UpgradePreview['point']): Row {
  const copies = databases.map(({ service, bytes }) => `a copy of ${service} (${formatBytes(bytes)})`);
  const objects = stores.map((service) => `the objects of ${service} as versions`);
  return [
    '',
    `A restore point of ${from} is kept: ${['images', 'configuration', ...copies, ...objects].join(', ')}`,
  ];
}

/** What an earlier way back set aside goes with the success of the next operation. */
export function removedRows({ setAside }: Pick<UpgradePreview, 'setAside'>): Row[] {
  return setAside.map(({ id, at, bytes, what }) => {
    const when = `${at.slice(0, 16).replace('T', ' ')} UTC`;
    return [
      '',
      `what was set aside at ${when}, ${formatBytes(bytes)} (${what ?? 'not counted'}), once this has succeeded; see \`onstead set-aside show ${id}\``,
    ];
  });
}

function rehearsalRows({ rehearsal }: UpgradePreview, terminal: Terminal): Row[] {
  if (rehearsal === null) return [['', 'not yet; `onstead rehearse` tries it on a copy of the data']];
  const { at, passed, sentence } = rehearsal;
  const when = `${at.slice(0, 16).replace('T', ' ')} UTC`;
  return [['', passed ? `${when}: ${sentence}` : `${when}: ${terminal.paint('bad', 'failed')}. ${sentence}`]];
}

export function timeInWords({ time }: Pick<UpgradePreview, 'time'>): string {
  const { ms, measured, fixed, assumed } = time;
  const parts = [
    `${measured} steps as measured on this machine`,
    ...(fixed === 0 ? [] : [`${fixed} as long as the settings say`]),
    ...(assumed === 0 ? [] : [`${assumed} assumed`]),
  ];
  return `about ${about(ms)}: ${parts.join(', ')}`;
}

export function checkRows({ checks }: Pick<UpgradePreview, 'checks'>, terminal: Terminal): Row[] {
  const { count, failed, warned, next } = checks;
  if (failed.length > 0) {
    const verdict = terminal.paint('bad', `${failed.length} of ${count} checks fail, so it would not begin:`);
    const fix: Row[] = next === null ? [] : [['', `${terminal.paint('strong', 'Next:')} ${next}`]];
    return [['', verdict], ...failed.map((text): Row => ['', `- ${text}`]), ...fix];
  }
  const minded = warned.map((text) => text.split(':')[0]).join(', ');
  return [['', `${count} checks, none fails${minded === '' ? '' : `; warnings: ${minded}`}`]];
}

/** Nobody is served by tenths of what is a guess. */
function about(ms: number): string {
  return formatDuration(ms < 1_000 ? 1_000 : Math.round(ms / 1_000) * 1_000);
}
