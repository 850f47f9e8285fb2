import { type EngineRefusal, engineRefusals } from '../../../core/instruments.js';
import type { ClickHouseException } from '../clickhouse-exception.js';

/** How often guests were turned away, by reason; see `engineRefusals`. */
export class RefusalCounts {
  readonly #counts = Object.fromEntries(engineRefusals.map((reason) => [reason, 0])) as Record<EngineRefusal, number>;

  count(reason: EngineRefusal): void {
    this.#counts[reason]++;
  }

  /** An exception that ends a guest's request; errors in his statement are no refusals. */
  countException({ type }: ClickHouseException): void {
    const reason = reasons.get(type);
    if (reason !== undefined) this.count(reason);
  }

  get all(): Readonly<Record<EngineRefusal, number>> {
    return { ...this.#counts };
  }
}

const reasons: ReadonlyMap<string, EngineRefusal> = new Map([
  ['ACCESS_DENIED', 'statement'],
  ['AUTHENTICATION_FAILED', 'authentication'],
  ['MEMORY_LIMIT_EXCEEDED', 'limit'],
  ['NOT_ENOUGH_SPACE', 'limit'],
  ['QUERY_IS_TOO_LARGE', 'limit'],
  ['QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', 'busy'],
  ['READONLY', 'statement'],
  ['SESSION_IS_LOCKED', 'busy'],
  ['SETTING_CONSTRAINT_VIOLATION', 'limit'],
  ['TIMEOUT_EXCEEDED', 'limit'],
  ['TOO_LARGE_SIZE_COMPRESSED', 'limit'],
  ['TOO_MANY_BYTES', 'limit'],
  ['TOO_MANY_ROWS_OR_BYTES', 'limit'],
  ['TOO_MANY_SIMULTANEOUS_QUERIES', 'busy'],
]);
