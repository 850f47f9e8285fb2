import { readFileSync } from 'node:fs';
import { loadNativeCalls } from '../sandbox/native-calls.js';

/**
 * Takes the pages of the library at `path` out of this process's memory. What its start alone needed (relocations, the
 * initializers of all that the engine could do) would stay resident for as long as it runs; what is needed again comes
 * back from the page cache, 64 KiB a fault. The kernel may take clean pages of a file whenever it wants; those that
 * nobody has mapped it takes first. Throws CollectorError `sandbox_missing` where the C library cannot be called.
 *
 * Only pages that are as they are in the file: of parts that can be written, or were (relocated tables, breakpoints),
 * nothing is taken. Answers how many bytes were resident.
 */
export function giveBackPages(path: RegExp): number {
  const adviseNumber = adviseNumbers[process.arch];
  if (process.platform !== 'linux' || adviseNumber === undefined) return 0;
  const native = loadNativeCalls();
  let bytes = 0;
  for (const mapping of readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[\da-f]+-[\da-f]+ )/m)) {
    const [, from, to, mapped = ''] = /^([\da-f]+)-([\da-f]+) r-[x-]p \S+ \S+ \d+ +(.*)$/m.exec(mapping) ?? [];
    if (from === undefined || !path.test(mapped) || kilobytes(mapping, 'Anonymous') !== 0) continue;
    const start = BigInt(`0x${from}`);
    native.syscall('give back pages', adviseNumber, start, BigInt(`0x${to}`) - start, dontNeed);
    bytes += (kilobytes(mapping, 'Rss') ?? 0) * 1_024;
  }
  return bytes;
}

/** Of `madvise`, by processor. */
const adviseNumbers: Readonly<Record<string, number>> = { x64: 28, arm64: 233 };
/** MADV_DONTNEED. */
const dontNeed = 4;

function kilobytes(mapping: string, name: string): number | null {
  const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(mapping)?.[1];
  return found === undefined ? null : Number(found);
}
