// Read where the kernel keeps it: a child process changes its own priority and says what it is.

import { getPriority } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../../src/base/process.ts';

const priority = join(import.meta.dirname, '../../../src/base/priority.ts');

async function afterCalling(...calls: readonly string[]): Promise<number> {
  const program = `import * as p from '${priority}'; import { getPriority } from 'node:os';
    ${calls.map((call) => `p.${call}();`).join(' ')} console.log(getPriority());`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  return Number(stdout);
}

t.test('the daemon steps behind what serves requests', async (t) => {
  t.ok((await afterCalling('yieldToRequests')) > getPriority());
});

t.test('what requests wait for does not, where it may', async (t) => {
  const behind = await afterCalling('yieldToRequests');
  const mayRise = process.getuid!() === 0;
  t.equal(await afterCalling('yieldToRequests', 'actAsService'), mayRise ? 0 : behind);
});
