import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openChdbEngine } from '../../src/clickhouse/embedded/chdb-engine.js';
import { type GuardedRequest, StatementGuard } from '../../src/clickhouse/embedded/guard/statement-guard.js';
import type { MicroResult } from '../budget.js';

/** What a panel of a dashboard asks. */
const statement = `SELECT toStartOfInterval(ts, INTERVAL 60 second) AS time, agent_id,
  quantile(0.95)(duration_ms) AS p95
  FROM agent_events WHERE tenant IN ('default') AND ts >= toDateTime(1700000000) AND type = 'task.completed'
  GROUP BY time, agent_id HAVING count() > 10 ORDER BY time, p95 DESC LIMIT 1000 FORMAT Native`;
const checks = 300;

/** CPU of a check of a statement that is new, and of one that is known; the collector's own pay neither. */
export async function measureGuard(): Promise<MicroResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-guard-'));
  const data = join(directory, 'db');
  mkdirSync(data);
  const engine = await openChdbEngine({ directory: data, database: 'tidemark', memoryBytesMax: 1e9 });
  try {
    const guard = new StatementGuard(engine, {
      database: 'tidemark',
      readerTables: ['agent_events'],
      guestMemoryBytesMax: 536_870_912,
    });
    const request = (text: string): GuardedRequest => ({
      user: { name: 'default', role: 'reader', tenant: null, isCollector: false },
      text: Buffer.from(text),
      database: 'tidemark',
      parameters: new Map(),
      infile: null,
    });
    const known = request(statement);
    await guard.check(known);
    const [newMs, knownMs] = [
      await cpuMsOf(checks, (index) => guard.check(request(`${statement} -- ${index}`))),
      await cpuMsOf(100 * checks, async () => guard.remembered(known)),
    ];
    return [
      { name: 'guard, a statement of 370 B that is new', value: 1_000 * newMs, unit: 'us of CPU' },
      { name: 'guard, one that is known', value: 1_000 * knownMs, unit: 'us of CPU' },
    ];
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function cpuMsOf(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) await work(index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / count;
}
