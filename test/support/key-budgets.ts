import { silentLogger } from '../../src/core/logger.js';
import { KeyBudgets, type KeyBudgetsOptions } from '../../src/ingest/limits/key-budgets.js';
import { FakeClock } from './fake-clock.js';

/** Budgets of keys, and how often each limit has held one back: `acme/k eventsPerSecond`. */
export function createBudgets(given: Partial<KeyBudgetsOptions> & { readonly clock?: FakeClock } = {}) {
  const { clock = new FakeClock(), dataDir = '/nonexistent', burstSeconds = 10 } = given;
  const held: string[] = [];
  const failures = { count: 0 };
  const instruments = {
    held: {
      inc: ({ tenant, key, limit }: Readonly<Record<'tenant' | 'key' | 'limit', string>>) =>
        void held.push(`${tenant}/${key} ${limit}`),
    },
    usageWriteFailures: { inc: () => void failures.count++ },
  };
  const budgets = new KeyBudgets({ clock, logger: silentLogger, instruments }, { dataDir, burstSeconds });
  return { budgets, clock, held, failures };
}
