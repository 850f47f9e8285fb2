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
