// Processor, memory, and what the machine is.

import { formatBytes, GIB } from '../../base/units.ts';
import { check, fail, pass, skip, unknown, warn, type Check } from './check.ts';

const SMALL_MEMORY_BYTES = 8 * GIB;
const ARCHITECTURES: Record<string, readonly string[]> = {
  x64: ['x86_64', 'amd64'],
  arm64: ['aarch64', 'arm64'],
};

export const machineChecks: readonly Check[] = [
  check({
    id: 'root',
    area: 'machine',
    title: 'Rights of the administrator',
    needed: 'root',
    remedy: 'Run the same command as root, for example with `sudo` in front of it.',
    needs: ['os'],
    judge: ({ os }) => (os.uid === 0 ? pass('root') : fail(`user ${os.uid}`)),
  }),
  check({
    id: 'architecture',
    area: 'machine',
    title: 'Processor architecture',
    needed: 'x64 or arm64, 64 bit',
    remedy: 'Use a machine with a 64-bit x64 or arm64 processor and a 64-bit operating system.',
    needs: ['os'],
    judge: ({ os }) => {
      const kernels = ARCHITECTURES[os.arch];
      if (kernels === undefined) return fail(os.arch);
      return kernels.includes(os.machine) ? pass(os.arch) : fail(`${os.arch} on a ${os.machine} kernel`);
    },
  }),
  check({
    id: 'bundle-architecture',
    area: 'machine',
    title: 'Architecture of the bundle',
    needed: "the machine's own",
    remedy: 'Ask the vendor for the bundle built for this architecture.',
    needs: ['os'],
    judge: ({ os }, { arch }) => {
      if (arch === undefined) return skip('No bundle was named.');
      const isOurs = arch === os.arch || ARCHITECTURES[os.arch]?.includes(arch) === true;
      return isOurs ? pass(arch) : fail(`a bundle for ${arch}`, { needed: os.arch });
    },
  }),
  check({
    id: 'cpu',
    area: 'machine',
    title: 'Processors',
    needed: 'as many as the release asks for',
    remedy:
      'Give the machine more processors, or lift the CPU limit of the container or virtual machine it runs in.',
    needs: ['cpu'],
    judge: ({ cpu }, demand) => {
      const needed = `${demand.cpus}`;
      const found = cpu.cpus === cpu.online ? `${cpu.cpus}` : `${round(cpu.cpus)} usable of ${cpu.online}`;
      return cpu.cpus >= demand.cpus ? pass(found, needed) : fail(found, { needed });
    },
  }),
  check({
    id: 'cpu-features',
    area: 'machine',
    title: 'Processor features',
    needed: 'x64: SSE 4.2 and POPCNT; AES wherever it may be had',
    remedy: 'Set the CPU type of the virtual machine to "host" (or x86-64-v2 or later), then start it again.',
    needs: ['cpu', 'os'],
    judge: ({ cpu, os }) => {
      const lacks = (name: string): boolean => !cpu.features.includes(name);
      if (cpu.features.length === 0) return unknown('/proc/cpuinfo lists no features of the processor.');
      const required = os.arch === 'x64' ? ['sse4_2', 'popcnt'].filter(lacks) : [];
      if (required.length > 0) return fail(`without ${required.join(' and ')}`);
      if (lacks('aes')) return warn('without aes: encryption will be slow');
      return pass(cpu.features.filter((name) => name !== 'hypervisor').join(', '));
    },
  }),
  check({
    id: 'memory',
    area: 'machine',
    title: 'Memory',
    needed: 'as much as the release asks for',
    remedy:
      'Give the machine more memory, or lift the memory limit of the container or virtual machine it runs in.',
    needs: ['memory'],
    judge: ({ memory }, demand) => {
      const needed = formatBytes(demand.memoryBytes);
      const whole =
        memory.usableBytes === memory.totalBytes ? '' : ` usable of ${formatBytes(memory.totalBytes)}`;
      const found = `${formatBytes(memory.usableBytes)}${whole}`;
      return memory.usableBytes >= demand.memoryBytes ? pass(found, needed) : fail(found, { needed });
    },
  }),
  check({
    id: 'memory-available',
    area: 'machine',
    title: 'Memory that nobody uses now',
    needed: 'as much as the release asks for',
    remedy: 'Find what uses it with `ps aux --sort=-rss | head`, and stop what this machine need not run.',
    needs: ['memory'],
    judge: ({ memory, engine }, demand) => {
      const ours = engine?.details?.containers.some((one) => one.ours && one.running);
      if (ours === true) return skip('The stack is running and has its memory already.');
      const [found, needed] = [formatBytes(memory.availableBytes), formatBytes(demand.memoryBytes)];
      return memory.availableBytes >= demand.memoryBytes ? pass(found, needed) : warn(found, { needed });
    },
  }),
  check({
    id: 'swap',
    area: 'machine',
    title: 'Swap',
    needed: 'some on a machine with less than 8 GB; nowhere nearly full',
    remedy:
      'fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile && echo "/swapfile none swap sw 0 0" >> /etc/fstab',
    needs: ['memory'],
    judge: ({ memory }) => {
      const { swapTotalBytes: total, swapFreeBytes: free, usableBytes } = memory;
      if (total === 0) return usableBytes < SMALL_MEMORY_BYTES ? warn('none') : pass('none, and none needed');
      const fix =
        'Find what was pushed out with `ps aux --sort=-rss | head`, and stop what this machine need not run.';
      const found = `${formatBytes(total - free)} of ${formatBytes(total)} used`;
      return free < total * 0.2 ? warn(found, { fix }) : pass(found);
    },
  }),
  check({
    id: 'virtualization',
    area: 'machine',
    title: 'Kind of machine',
    needed: 'a real or a virtual machine',
    remedy:
      'Better use a real or virtual machine. In LXC allow nesting: on the host, `lxc config set NAME security.nesting true`, then start it again.',
    needs: ['os'],
    judge: ({ os }) => {
      const { kind, name } = os.virtualization;
      if (kind === 'unknown') return unknown('Neither the firmware nor the system tells.');
      if (kind === 'container') return warn(`inside a container (${name}); an engine in it may be limited`);
      return pass(kind === 'vm' ? `virtual (${name})` : 'real');
    },
  }),
];

function round(cpus: number): number {
  return Math.round(cpus * 100) / 100;
}
