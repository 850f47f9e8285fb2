/** As the engine orders texts: byte by byte of their UTF-8, which is not the order of UTF-16 beyond U+FFFF. */
export function compareTexts(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}
