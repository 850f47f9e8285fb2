/**
 * Lists of ids travel to the store as parameters in the address of the request, of which the embedded engine takes
 * 128 KiB. Ids of one list are told apart by quotes and commas, nine bytes once encoded.
 */
const idsBytesMax = 90_000;

const plainId = /^[\w.-]*$/;

/** At least the bytes an id takes there: any byte may be escaped with a backslash, and both percent-encoded. */
function parameterBytes(id: string): number {
  return 9 + (plainId.test(id) ? id.length : 6 * Buffer.byteLength(id));
}

/** The rows in their order, in batches whose ids fit into one request; most often a single one. */
export function requestBatches<Row>(rows: readonly Row[], idsOf: (row: Row) => readonly string[]): Row[][] {
  const batches: Row[][] = [];
  let bytes = idsBytesMax;
  for (const row of rows) {
    const more = idsOf(row).reduce((sum, id) => sum + parameterBytes(id), 0);
    bytes += more;
    if (bytes > idsBytesMax) {
      batches.push([]);
      bytes = more;
    }
    batches.at(-1)?.push(row);
  }
  return batches;
}
