// The lists of installed software that images carry: Debian's, Alpine's, and npm's. Text in, packages out.

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
  readonly license?: string;
  /** The source package it was built from, where it differs. */
  readonly source?: string;
}

export interface PackageList {
  readonly kind: 'deb' | 'apk' | 'rpm' | 'npm' | 'os';
  readonly packages: readonly Package[];
}

export function readDpkg(text: string): PackageList {
  const packages = text.split(/\n\n+/).flatMap((block): Package[] => {
    const field = fieldsOf(block, /^([A-Za-z-]+):[ \t]*(.*)$/);
    const [name, version, status] = [field('Package'), field('Version'), field('Status')];
    if (name === undefined || version === undefined) return [];
    if (status !== undefined && !status.endsWith(' installed')) return [];
    const [arch, source] = [field('Architecture'), field('Source')];
    return [
      { name, version, ...(arch === undefined ? {} : { arch }), ...(source === undefined ? {} : { source }) },
    ];
  });
  return { kind: 'deb', packages };
}

export function readApk(text: string): PackageList {
  const packages = text.split(/\n\n+/).flatMap((block): Package[] => {
    const field = fieldsOf(block, /^([A-Z]):(.*)$/);
    const [name, version, arch, license] = [field('P'), field('V'), field('A'), field('L')];
    if (name === undefined || version === undefined) return [];
    return [
      {
        name,
        version,
        ...(arch === undefined ? {} : { arch }),
        ...(license === undefined ? {} : { license }),
      },
    ];
  });
  return { kind: 'apk', packages };
}

function fieldsOf(block: string, line: RegExp): (key: string) => string | undefined {
  const fields = new Map<string, string>();
  for (const text of block.split('\n')) {
    const match = line.exec(text);
    if (match !== null && !fields.has(match[1]!)) fields.set(match[1]!, match[2]!.trim());
  }
  return (key) => fields.get(key);
}

export function readNpm(text: string): PackageList | undefined {
  try {
    const { name, version, license } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof version !== 'string') return undefined;
    return {
      kind: 'npm',
      packages: [{ name, version, ...(typeof license === 'string' ? { license } : {}) }],
    };
  } catch {
    return undefined; // not a package after all
  }
}

export function readOsRelease(text: string): PackageList | undefined {
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1];
  const name = value('ID');
  if (name === undefined) return undefined;
  return {
    kind: 'os',
    packages: [{ name, version: value('VERSION_ID') ?? value('VERSION_CODENAME') ?? 'unknown' }],
  };
}
