/**
 * The critical path of a run: at each moment of it, the one piece of work that its end was waiting for. Making anything
 * else faster would not have ended the run sooner.
 *
 * Definition, as in CRISP (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures",
 * USENIX ATC 2022) and in Jaeger's trace view, which speaks of the last finishing child: go back in time from the end
 * of a piece of work. Of its children, the one that ended last (and not after the point reached) is what was waited
 * for; the time after its end belongs to the parent itself. Walk that child in the same way, go on from its start,
 * and so on to the parent's start. A child that outlives its parent counts up to the parent's end, one that begins
 * earlier from the parent's start. Of children that end together the one that began first is taken, then the first in
 * the list.
 */
export interface TimedNode {
  /** Index of the parent, always a smaller one; -1 for the root, which is the first. */
  readonly parent: number;
  /** Integers, `endMs >= startMs`. */
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Milliseconds of each node that lie on the path as its own, not a child's; null for nodes that are not on it. They add
 * up to the duration of the root. Takes O(n log n) and no recursion, whatever the depth.
 */
export function criticalMs(nodes: readonly TimedNode[]): (number | null)[] {
  const own = nodes.map((): number | null => null);
  const [root] = nodes;
  if (root === undefined) return own;
  const windows = new Windows(nodes);
  const waiting = [0];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    let ownMs = windows.lengthMs(index);
    for (const child of windows.chainOf(index)) {
      ownMs -= windows.lengthMs(child);
      waiting.push(child);
    }
    own[index] = ownMs;
  }
  return own;
}

/** The part of each node that its parent can wait for, and its children. By columns: a run has 20,000 nodes. */
class Windows {
  readonly #startMs: Float64Array;
  readonly #endMs: Float64Array;
  /** First child of a node and next of the same parent, 0 when there is none: the root is nobody's child. */
  readonly #first: Int32Array;
  readonly #next: Int32Array;

  constructor(nodes: readonly TimedNode[]) {
    this.#startMs = new Float64Array(nodes.length);
    this.#endMs = new Float64Array(nodes.length);
    this.#first = new Int32Array(nodes.length);
    this.#next = new Int32Array(nodes.length);
    for (let index = nodes.length - 1; index >= 0; index--) {
      const { parent, startMs, endMs } = nodes[index]!;
      this.#startMs[index] = startMs;
      this.#endMs[index] = endMs;
      if (parent < 0) continue;
      this.#next[index] = this.#first[parent]!;
      this.#first[parent] = index;
    }
  }

  lengthMs(index: number): number {
    return this.#endMs[index]! - this.#startMs[index]!;
  }

  /** The children a node waited for, last first, clipped to it: none overlaps another. */
  chainOf(index: number): readonly number[] {
    const [startMs, endMs] = [this.#startMs, this.#endMs];
    const clipped: number[] = [];
    for (let child = this.#first[index]!; child !== 0; child = this.#next[child]!) {
      startMs[child] = Math.max(startMs[child]!, startMs[index]!);
      endMs[child] = Math.min(endMs[child]!, endMs[index]!);
      // Nothing waits for what takes no time.
      if (endMs[child]! > startMs[child]!) clipped.push(child);
    }
    clipped.sort((a, b) => endMs[b]! - endMs[a]! || startMs[a]! - startMs[b]! || a - b);
    let reachedMs = endMs[index]!;
    return clipped.filter((child) => {
      if (endMs[child]! > reachedMs) return false;
      reachedMs = startMs[child]!;
      return true;
    });
  }
}
