import { readdirSync, readFileSync } from 'node:fs';

/**
 * How many files (connections are some) this process may have open, and how many it has. Node raises the limit to the
 * hard one when it starts, so that only whoever set that one can raise it further.
 */
export interface OpenFiles {
  readonly limit: number;
  readonly used: number;
}

/** Null where there is no limit, or none is told. */
export function readOpenFiles(): OpenFiles | null {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    // One of them is the directory that is read here.
    return soft === '' ? null : { limit: Number(soft), used: readdirSync('/proc/self/fd').length - 1 };
  } catch {
    return reportedLimit();
  }
}

/** What Node tells of systems without /proc. */
function reportedLimit(): OpenFiles | null {
  const report = process.report?.getReport() as { readonly userLimits?: { readonly open_files?: { soft: unknown } } };
  const limit = Number(report?.userLimits?.open_files?.soft);
  return Number.isSafeInteger(limit) ? { limit, used: usedEstimate } : null;
}

const usedEstimate = 64;
