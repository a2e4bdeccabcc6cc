import t from 'tap';
import { readFileSync, writeFileSync } from 'node:fs';
import { CHECKS, type Check } from '../../../src/machine/index.ts';

const PAGE = new URL('../../../docs/preflight.md', import.meta.url);
const AREAS: Record<Check['area'], string> = {
  machine: 'The machine',
  disk: 'Disks',
  system: 'System',
  network: 'Network',
  engine: 'Engine and Compose',
};

/** Commands stand in the cell as they are; only the bar would end it. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function tables(): string {
  return Object.entries(AREAS)
    .map(([area, title]) => {
      const rows = CHECKS.filter((check) => check.area === area).map(
        (check) =>
          `| \`${check.id}\` | ${cell(check.title)} | ${cell(check.needed)} | ${cell(check.remedy)} |`,
      );
      return [
        `### ${title}`,
        '',
        '| id | what | needed | how to fix it |',
        '|---|---|---|---|',
        ...rows,
        '',
      ].join('\n');
    })
    .join('\n');
}

t.test('docs/preflight.md holds every check as the program has it', async (t) => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, , after] = page.split(/<!-- checks -->\n|<!-- end of checks -->\n/);
  t.type(after, 'string', 'both marks are there');
  const current = `${before}<!-- checks -->\n${tables()}<!-- end of checks -->\n${after}`;
  // `WRITE_DOCS=1 tap test/unit/machine/preflight-doc.test.ts` brings the page up to date.
  if (process.env['WRITE_DOCS'] === '1') writeFileSync(PAGE, current);
  else t.equal(page, current);
});

t.test('the page says how many checks there are', async (t) => {
  t.match(readFileSync(PAGE, 'utf8'), new RegExp(`\\b${CHECKS.length} checks\\b`));
});
