import type { z } from 'zod';
import type { RememberedSource } from '../../../core/ports/read-memory.js';
import type { StoreQuery, StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from './checked-rows.js';

/**
 * As `checkedRows`, of what is remembered: a query that reads nothing but these sources and the time in its parameters
 * is asked again only when they have changed. `variant` tells queries of one name and the same parameters apart.
 */
export async function rememberedRows<Row extends z.ZodType>(
  store: StoreReader,
  row: Row,
  query: StoreQuery & { readonly sources: readonly RememberedSource[]; readonly variant?: string },
): Promise<readonly z.output<Row>[]> {
  const { sources, variant = '', ...asked } = query;
  const { memory } = store;
  if (!memory) return await checkedRows(store, row, asked);
  return await memory.value<readonly z.output<Row>[]>({
    sources,
    key: JSON.stringify([asked.name, asked.params, variant]),
    read: () => checkedRows(store, row, asked),
    bytesOf: bytesIn,
  });
}

/** Texts have two bytes a character, everything else about sixteen. */
export function bytesIn(value: unknown): number {
  if (typeof value === 'string') return 16 + 2 * value.length;
  if (ArrayBuffer.isView(value)) return 100 + value.byteLength;
  if (typeof value !== 'object' || value === null) return 16;
  return Object.values(value).reduce<number>((sum, part) => sum + bytesIn(part), 32);
}
