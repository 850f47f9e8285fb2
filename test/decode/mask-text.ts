import { createTextSource } from '../../src/decode/byte-range.js';
import { SecretMask } from '../../src/decode/secrets/secret-mask.js';

const charactersMax = 8_192;
const mask = new SecretMask(charactersMax);

/** A text as it would be kept. */
export function maskText(text: string): string {
  const source = createTextSource(text);
  if (!mask.masks(source, 0, source.bytes.length, charactersMax)) return text;
  return Buffer.from(mask.source.bytes.subarray(0, mask.length)).toString('utf8');
}
