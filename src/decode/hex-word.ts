/** The number that eight hex digits are, of either case; NaN when one of them is none. */
export function hexWord(bytes: Uint8Array, offset: number): number {
  let word = 0;
  for (let at = offset; at < offset + 8; at++) word = 16 * word + hexDigit(bytes[at]!);
  return word;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}
