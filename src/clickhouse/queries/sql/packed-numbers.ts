/** Some numbers as Float64, little-endian: in base64 they are read many times faster than JSON's. */
export function packed(...numbers: readonly string[]): string {
  return `concat('', ${numbers.map((sql) => `reinterpretAsFixedString(toFloat64(${sql}))`).join(', ')})`;
}

/** The numbers of the base64 of `packed`, of rows one after another. Throws when there are not so many for each row. */
export function unpacked(text: string, rows: number, perRow: number): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 8 * rows * perRow) {
    throw new Error(`cannot read ${rows} rows of ${perRow} packed numbers from ${bytes.length} bytes`);
  }
  // Of a copy: a view must begin at a multiple of eight.
  return new Float64Array(Uint8Array.from(bytes).buffer);
}
