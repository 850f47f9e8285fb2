import { ok } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { createTextSource } from '../../../src/decode/byte-range.js';
import { SecretMask } from '../../../src/decode/secrets/secret-mask.js';
import { innocentTexts } from '../../corpus/innocent-texts.js';
import { tokenShapes } from '../../corpus/secret-shapes.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { FuzzTarget } from '../fuzz-target.js';

const random = seededRandom(20_261_126);
const promised = tokenShapes.filter((shape) => shape.promised).map((shape) => shape.make(random));
/** As of an error's message, of a value of a map, of a log's message. */
const lengths = [500, 256, 8_192] as const;

/**
 * A text as it is masked and cut: what is kept is text of the length allowed, and a secret of a form of its own never
 * is, on a line of its own in the middle of it. The first byte says which secret and what length.
 */
export function openTarget(): FuzzTarget {
  const masks = lengths.map((charactersMax) => ({ charactersMax, mask: new SecretMask(charactersMax) }));
  const kept = (text: string, how: number): string => {
    const { mask, charactersMax } = masks[how % masks.length]!;
    const source = createTextSource(text);
    if (!mask.masks(source, 0, source.bytes.length, charactersMax)) return [...text].slice(0, charactersMax).join('');
    const bytes = mask.source.bytes.subarray(0, mask.length);
    ok(isUtf8(bytes), 'what is kept is not UTF-8');
    const out = Buffer.from(bytes).toString('utf8');
    ok([...out].length <= charactersMax, 'what is kept is too long');
    return out;
  };
  return {
    run(bytes) {
      const how = bytes[0] ?? 0;
      const text = Buffer.from(bytes.subarray(1)).toString('utf8');
      kept(text, how);
      const { text: shown, secret } = promised[how % promised.length]!;
      const middle = Math.floor(text.length / 2);
      const planted = kept(`${text.slice(0, middle)}\n${shown}\n${text.slice(middle)}`, how);
      ok(text.includes(secret) || !planted.includes(secret), `it was kept: ${shown.slice(0, 80)}`);
      return undefined;
    },
    seeds: () => [
      ...promised.map(({ text }, at) => `${String.fromCharCode(at % 128)}see ${text} and so on`),
      ...innocentTexts.map((text, at) => `${String.fromCharCode(at % 128)}${text}`),
    ],
    words: [
      '-----BEGIN ',
      'PRIVATE KEY-----',
      'bearer ',
      'password=',
      'token: ',
      '://',
      '@',
      'eyJ',
      'sk-',
      '[redacted]',
    ],
    bytesMax: 4_096,
    isTimed: true,
  };
}
