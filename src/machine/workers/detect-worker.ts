// Looks at the machine once.

import { answerOnce } from '../../base/worker.ts';
import { detectMachine } from '../collect.ts';

await answerOnce(detectMachine);
