import { invariant } from '../../core/invariant.js';
import { byteClasses, classes } from './byte-classes.js';
import { literalBytes, type SearchedText } from './searched-text.js';
import { type TokenShape, tokenShapes } from './token-shapes.js';
import { TrigramTable, trigram } from './trigram-table.js';

/**
 * Each shape is looked for at one byte of its prefix, its trigger, and known by that byte and the two before it: the
 * rarest byte of the prefix in text, so that most bytes trigger nothing.
 */
const bytesByRarity = '$~_-.JZQXKVWYBHGUFDPMCLIONRTSAEzqjxkvwb';

function triggerIndexOf(prefix: string): number {
  const candidates = [...prefix].map((_, index) => index).slice(2);
  const rarityOf = (index: number) => {
    const place = bytesByRarity.indexOf(prefix[index]!);
    return place < 0 ? bytesByRarity.length : place;
  };
  candidates.sort((left, right) => rarityOf(left) - rarityOf(right));
  const [best] = candidates;
  invariant(best !== undefined, `prefix ${prefix} has three characters`);
  return best;
}

const prefixes = tokenShapes.map(({ prefix }) => literalBytes(prefix));
const triggerIndexes = tokenShapes.map(({ prefix }) => triggerIndexOf(prefix));

export const tokenTrigrams: readonly number[] = prefixes.map((prefix, shape) => {
  const index = triggerIndexes[shape]!;
  return trigram(prefix[index - 2]!, prefix[index - 1]!, prefix[index]!);
});

const table = new TrigramTable(tokenTrigrams);

/** The bytes at which `findToken` is to be asked. */
export const tokenTriggers: readonly number[] = [
  ...new Set(prefixes.map((bytes, shape) => bytes[triggerIndexes[shape]!]!)),
];

/** Whether a key has its trigger at `at`. */
export function findToken(text: SearchedText, at: number): boolean {
  if (at < text.from + 2) return false;
  const { bytes } = text;
  let shape = table.first(trigram(bytes[at - 2]!, bytes[at - 1]!, bytes[at]!));
  for (; shape >= 0; shape = table.next(shape)) {
    const start = at - triggerIndexes[shape]!;
    const prefix = prefixes[shape]!;
    if (text.holds(start, prefix) && isToken(text, tokenShapes[shape]!, start, start + prefix.length)) return true;
  }
  return false;
}

function isToken(text: SearchedText, shape: TokenShape, start: number, bodyStart: number): boolean {
  if (shape.startsWord && !text.startsWord(start)) return false;
  const enough = bodyStart + shape.lengthMin;
  if (text.runEnd(bodyStart, shape.alphabet, Math.min(enough, text.end)) < enough) return false;
  if (shape.random && !isRandom(text, bodyStart, shape.alphabet)) return false;
  let end = text.runEnd(enough, shape.alphabet);
  while (text.byteAt(end - 1) === dot) end--;
  const before = text.runStart(start, classes.alphanumeric, shape.lengthBefore ?? 0);
  return text.found(shape.keepsPrefix ? bodyStart : before, end);
}

const dot = 0x2e;
const judgedBytes = 64;
const randomRunBytes = 12;

/**
 * Whether what begins at `start` is rather a key than words: 12 letters and digits in a row, one of them a digit or a
 * capital. Only its beginning is looked at, so that a text full of beginnings costs no more than its length.
 */
export function isRandom(text: SearchedText, start: number, alphabet: number): boolean {
  const end = text.runEnd(start, alphabet, Math.min(start + judgedBytes, text.end));
  let run = 0;
  let marked = false;
  for (let at = start; at < end; at++) {
    const kind = byteClasses[text.bytes[at]!]!;
    if ((kind & classes.alphanumeric) === 0) {
      run = 0;
      marked = false;
      continue;
    }
    run++;
    if ((kind & classes.capitals) !== 0) marked = true;
    if (run >= randomRunBytes && marked) return true;
  }
  return false;
}
