import { CollectorError } from '../core/errors.js';
import type { StoreExporter } from '../core/ports/store-exporter.js';
import type { StoreReader } from '../core/ports/store-reader.js';

/**
 * The store as the read API sees it: away until its schema is there. A query that comes between two migrations would
 * fail on a column that is still missing, which looks like a defect and is a matter of seconds.
 */
export function preparedStore(
  store: StoreReader & StoreExporter,
  schema: { readonly ready: boolean },
): StoreReader & StoreExporter {
  const refused = (name: string) =>
    Promise.reject(new CollectorError('store_unavailable', `cannot run ${name}: the store is being prepared`));
  return {
    rows: (query) => (schema.ready ? store.rows(query) : refused(query.name)),
    export: (query) => (schema.ready ? store.export(query) : refused(query.name)),
  };
}
