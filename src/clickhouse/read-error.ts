import { CollectorError, errorMessage } from '../core/errors.js';
import { classifyError, type StoreErrorCode, storeError, storeErrorNumber } from './classify-error.js';
import type { Deadline } from './deadline.js';
import { isMemoryTaken } from './memory-shortage.js';

/** ClickHouse's ways to say that a query took too long or was cancelled: 159, 160, 394. */
const stoppedNumbers: ReadonlySet<number | null> = new Set([159, 160, 394]);

/** A read asked for more than one may have: rows or bytes of the result (158, 307, 396), memory (241). */
const tooLargeNumbers: ReadonlySet<number | null> = new Set([158, 241, 307, 396]);

const failsAgain: ReadonlySet<StoreErrorCode> = new Set(['store_rejected', 'store_failed']);

/** What a read that failed means for whoever asked for it, as `StoreReader` says. */
export function readError(name: string, error: unknown, deadline: Deadline): CollectorError {
  if (error instanceof CollectorError) return error;
  const cause = { cause: error };
  const number = storeErrorNumber(error);
  if (tooLargeNumbers.has(number) && !isMemoryTaken(number, errorMessage(error))) {
    const what = `cannot run ${name}: it needs more memory or rows than one read may have`;
    return new CollectorError('query_too_large', `${what}; ask for a shorter range or fewer rows`, cause);
  }
  if (deadline.passed || stoppedNumbers.has(number)) {
    return new CollectorError('query_timeout', `cannot run ${name}: not done within ${deadline.durationMs} ms`, cause);
  }
  if (deadline.signal.aborted) {
    return new CollectorError('query_timeout', `cannot run ${name}: the caller gave up`, cause);
  }
  const code = failsAgain.has(classifyError(error)) ? 'internal' : 'store_unavailable';
  return new CollectorError(code, storeError(`run ${name}`, error).message, cause);
}
