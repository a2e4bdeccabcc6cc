// Who runs it, processor, memory: what is wrong with a machine, and what a person is told.

import { GIB } from '../../../../src/base/units.ts';
import { engine, nothing, someone, type Case } from './case.ts';

export const machineCases: readonly Case[] = [
  {
    when: 'the user is not root',
    id: 'root',
    status: 'fail',
    change: (f) => (f.os.uid = 1000),
    says: /1000/,
  },
  {
    when: 'the processor is 32-bit',
    id: 'architecture',
    status: 'fail',
    change: (f) => (f.os.arch = 'ia32'),
  },
  {
    when: 'the program is x64 on an ARM kernel',
    id: 'architecture',
    status: 'fail',
    change: (f) => (f.os.machine = 'aarch64'),
  },
  {
    when: 'the bundle is for ARM',
    id: 'bundle-architecture',
    status: 'fail',
    change: nothing,
    demand: { arch: 'arm64' },
    says: /arm64/,
  },
  {
    when: 'a quota leaves one and a half processors',
    id: 'cpu',
    status: 'fail',
    change: (f) => (f.cpu.cpus = 1.5),
    says: /1\.5 usable of 4/,
  },
  {
    when: 'the virtual processor lacks SSE 4.2',
    id: 'cpu-features',
    status: 'fail',
    change: (f) => (f.cpu.features = ['aes']),
    says: /sse4_2/,
  },
  {
    when: 'the processor lacks AES',
    id: 'cpu-features',
    status: 'warn',
    change: (f) => (f.cpu.features = ['sse4_2', 'popcnt']),
  },
  {
    when: 'the processor lists nothing',
    id: 'cpu-features',
    status: 'unknown',
    change: (f) => (f.cpu.features = []),
  },
  {
    when: 'a limit leaves 2 GB',
    id: 'memory',
    status: 'fail',
    change: (f) => (f.memory.usableBytes = 2 * GIB),
    says: /2 GB usable of 16 GB/,
  },
  {
    when: 'others use the memory',
    id: 'memory-available',
    status: 'warn',
    change: (f) => (f.memory.availableBytes = GIB),
  },
  {
    when: 'the stack itself uses the memory',
    id: 'memory-available',
    status: 'skip',
    change: (f) => {
      f.memory.availableBytes = GIB;
      engine(f).containers = [{ ...someone, ours: true }];
    },
  },
  {
    when: 'a small machine has no swap',
    id: 'swap',
    status: 'warn',
    change: (f) => Object.assign(f.memory, { swapTotalBytes: 0, usableBytes: 4 * GIB }),
    fix: /mkswap/,
  },
  { when: 'swap is nearly full', id: 'swap', status: 'warn', change: (f) => (f.memory.swapFreeBytes = 0) },
  {
    when: 'a large machine has no swap',
    id: 'swap',
    status: 'pass',
    change: (f) => (f.memory.swapTotalBytes = 0),
  },
  {
    when: 'it runs in a container',
    id: 'virtualization',
    status: 'warn',
    change: (f) => (f.os.virtualization = { kind: 'container', name: 'lxc' }),
  },
  {
    when: 'nobody tells what machine it is',
    id: 'virtualization',
    status: 'unknown',
    change: (f) => (f.os.virtualization = { kind: 'unknown', name: 'unknown' }),
  },
  {
    when: 'the bundle names the architecture as images do',
    id: 'bundle-architecture',
    status: 'pass',
    change: nothing,
    demand: { arch: 'amd64' },
  },
];
