/** A way in for bytes of strangers, as a function that the fuzzer calls. */
export interface FuzzTarget {
  /**
   * Takes one input and throws when something does not hold that always must. Answers the bytes it had to work on,
   * where these are more than the input has (a body that was inflated).
   */
  run(bytes: Uint8Array): number | undefined | Promise<number | undefined>;
  /** Inputs to begin with. */
  seeds(): readonly (Uint8Array | string)[];
  /** Words of its language, for the mutator to put in. */
  readonly words: readonly string[];
  /** Bytes of the longest input that is tried. */
  readonly bytesMax: number;
  /** Work happens in this thread, so what a longer input costs can be told from its time. */
  readonly isTimed: boolean;
  close?(): Promise<void>;
}

/** The input as lines of a head, and what follows the first blank line. */
export function splitMessage(bytes: Uint8Array): {
  readonly first: string;
  readonly headers: Map<string, string>;
  readonly body: Buffer;
} {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const blank = message.indexOf('\n\n');
  const head = (blank === -1 ? message : message.subarray(0, blank)).toString('latin1');
  const [first = '', ...lines] = head.split('\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { first, headers, body: blank === -1 ? Buffer.alloc(0) : message.subarray(blank + 2) };
}

/** A message of that form. */
export function message(
  first: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = '',
): Buffer {
  const lines = [first, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`, 'latin1'), Buffer.from(body as string)]);
}
