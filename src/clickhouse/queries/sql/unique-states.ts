import { HashSet } from './hash-set.js';

/**
 * How many values some states of `uniq` hold together. A state is a byte, the power of two by which values were thinned
 * out (0 up to 65,536 of them), a varuint n, then n hashes of four bytes, little-endian (UniquesHashSet.h). Null when a
 * state is thinned out: what it estimates is left to the engine.
 */
export function countUnique(states: readonly Buffer[]): number | null {
  if (states.length === 1) return hashesOf(states[0]!)?.count ?? null;
  const found = new Set<number>();
  for (const state of states) {
    const hashes = hashesOf(state);
    if (hashes === null) return null;
    for (let at = hashes.at; at < hashes.at + 4 * hashes.count; at += 4) found.add(state.readUInt32LE(at));
  }
  return found.size;
}

/** A state that holds these hashes. */
export function uniqueState(hashes: ReadonlySet<number>): Buffer {
  const head = [0];
  let rest = hashes.size;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  const state = Buffer.alloc(head.length + 4 * hashes.size);
  state.set(head);
  let at = head.length;
  for (const hash of hashes) at = state.writeUInt32LE(hash, at);
  return state;
}

function hashesOf(state: Buffer): { readonly at: number; readonly count: number } | null {
  if (state[0] !== 0) return null;
  let count = 0;
  let at = 1;
  for (let factor = 1; ; factor *= 128) {
    const byte = state[at++];
    if (byte === undefined) return null;
    count += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return state.length === at + 4 * count ? { at, count } : null;
}

/** The engine keeps so many hashes exactly; beyond that, half of them each time. */
const exactMax = 65_536;

/**
 * What some states of `uniq` hold together, thinned out as the engine does it: up to 65,536 values exact, then within 2
 * percent. To be held and added to.
 */
export class UniqueHashes {
  /** Hashes that are multiples of two to this power are kept. */
  #degree = 0;
  #hashes = new HashSet();

  get size(): number {
    return this.#hashes.size;
  }

  get bytes(): number {
    return this.#hashes.bytes;
  }

  get count(): number {
    return estimated(this.#hashes.size, this.#degree);
  }

  /** Throws when it is no state of `uniq`. */
  addState(state: Buffer): void {
    const degree = state[0] ?? 0;
    // The rest of a state that is thinned out is told as that of any other.
    const head = degree === 0 ? state : Buffer.concat([Buffer.of(0), state.subarray(1)]);
    const hashes = hashesOf(head);
    if (hashes === null) throw new Error(`cannot read a state of uniq of ${state.length} bytes`);
    this.#thin(degree);
    for (let at = hashes.at; at < hashes.at + 4 * hashes.count; at += 4) this.#add(head.readUInt32LE(at));
  }

  addAll(others: UniqueHashes): void {
    this.#thin(others.#degree);
    others.#hashes.visit((hash) => this.#add(hash));
  }

  /** How many values there are with those of others, which are fewer. */
  countWith(others: readonly UniqueHashes[]): number {
    const degree = Math.max(this.#degree, ...others.map((other) => other.#degree));
    if (degree > this.#degree) {
      const all = new UniqueHashes();
      for (const part of [this, ...others]) all.addAll(part);
      return all.count;
    }
    const more = new HashSet();
    const mask = 2 ** degree - 1;
    for (const other of others) {
      other.#hashes.visit((hash) => {
        if ((hash & mask) === 0 && !this.#hashes.has(hash)) more.add(hash);
      });
    }
    return estimated(this.#hashes.size + more.size, degree);
  }

  #add(hash: number): void {
    if ((hash & (2 ** this.#degree - 1)) !== 0) return;
    this.#hashes.add(hash);
    if (this.#hashes.size > exactMax) this.#thin(this.#degree + 1);
  }

  #thin(degree: number): void {
    if (degree <= this.#degree) return;
    this.#degree = degree;
    const before = this.#hashes;
    this.#hashes = new HashSet();
    before.visit((hash) => {
      if ((hash & (2 ** degree - 1)) === 0) this.#hashes.add(hash);
    });
  }
}

/** Of hashes of 32 bits, some of which are equal by chance. */
function estimated(hashes: number, degree: number): number {
  if (degree === 0) return hashes;
  const all = 2 ** 32;
  const found = hashes * 2 ** degree;
  return Math.round(all * (Math.log(all) - Math.log(all - found)));
}
