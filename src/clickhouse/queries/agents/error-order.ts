interface OrderedError {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly occurrences: number;
  readonly lastMs: number;
}

/** The most frequent first; of equals the latest, then by their texts, as bytes. */
export function compareErrors(a: OrderedError, b: OrderedError): number {
  return (
    b.occurrences - a.occurrences ||
    b.lastMs - a.lastMs ||
    compareBytes(a.category, b.category) ||
    compareBytes(a.code, b.code) ||
    compareBytes(a.message, b.message)
  );
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
