import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { epochMs } from '../queries/sql/column-types.js';

const newestRow = z.object({ newest_ms: epochMs });

/**
 * When the newest raw event was received, to the second and rounded up, from the metadata of parts; 0 when there is
 * none. Rejects as `StoreReader.rows`.
 */
export async function readNewestReceived(reader: StoreReader): Promise<number> {
  const [newest] = await checkedRows(reader, newestRow, {
    name: 'newest_received',
    sql: `
      SELECT toInt64(1000) * if(count() = 0, 0, toUnixTimestamp(max(max_time)) + 1) AS newest_ms
      FROM system.parts
      WHERE active AND rows > 0 AND database = currentDatabase() AND table = 'agent_events_raw_v1'`,
    params: {},
  });
  return newest?.newest_ms ?? 0;
}
