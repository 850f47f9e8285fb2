import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';

/** A table that rows of a segment reach by a view of the raw table. */
export interface FedTable {
  readonly name: string;
  /** What the view fills. */
  readonly columns: readonly string[];
  /** The view's own query, over table `source` instead of the raw one. */
  selectFrom(source: string): string;
}

const viewRow = z.object({
  name: z.string(),
  database: z.string(),
  as_select: z.string(),
  columns: z.array(z.string()),
});

/**
 * The tables beside the raw one that an insert fills, as the store has them now. A view `a_mv_v1` fills the table
 * `a_v1`; a view of any other name is not ours, and what it fills is not kept exact. Throws `internal` when a view of
 * ours does not read the raw table exactly once.
 */
export async function readFedTables(store: StoreReader): Promise<readonly FedTable[]> {
  const views = await checkedRows(store, viewRow, {
    name: 'views_of_the_raw_table',
    sql: `
      SELECT v.name AS name, any(v.database) AS database, any(v.as_select) AS as_select,
        groupArray(c.name) AS columns
      FROM system.tables AS v
      INNER JOIN system.columns AS c ON c.table = v.name AND c.database = v.database
      WHERE v.database = currentDatabase() AND v.engine = 'MaterializedView' AND match(v.name, '_mv_v[0-9]+$')
        AND replaceRegexpOne(v.name, '_mv_(v[0-9]+)$', '_\\\\1') IN (
          SELECT name FROM system.tables WHERE database = currentDatabase()
        )
      GROUP BY name ORDER BY name`,
    params: {},
  });
  return views.map(fedTableOf);
}

function fedTableOf({ name, database, as_select, columns }: z.output<typeof viewRow>): FedTable {
  const [before, after, ...more] = as_select.split(`${database}.${rawTable}`);
  if (before === undefined || after === undefined || more.length > 0) {
    const what = `the query of ${name} does not name ${database}.${rawTable} exactly once`;
    throw new CollectorError('internal', `cannot tell what a segment fills: ${what}`);
  }
  return {
    name: name.replace(/_mv_(v\d+)$/, '_$1'),
    columns,
    selectFrom: (source) => `${before}${database}.${source}${after}`,
  };
}
