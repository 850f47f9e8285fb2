import { readFileSync } from 'node:fs';

/** What the system lets this process have, and whatever it starts; null where there is no limit, or none is told. */
export interface ProcessLimits {
  /** Mapped or reserved, used or not. */
  readonly addressSpaceBytes: number | null;
  /** Processes and threads of its user, all of them together. Root may have any number. */
  readonly threads: number | null;
}

export function readProcessLimits(): ProcessLimits {
  const text = readLimits();
  const softOf = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  const [bytes, threads] = [softOf('Max address space'), softOf('Max processes')];
  const isRoot = process.getuid?.() === 0;
  return {
    addressSpaceBytes: Number.isNaN(bytes) ? null : bytes,
    threads: Number.isNaN(threads) || isRoot ? null : threads,
  };
}

/** `Max address space         8192000000           unlimited            bytes`; empty where there is no /proc. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
