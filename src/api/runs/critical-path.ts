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
  const children: number[][] = nodes.map(() => []);
  for (const [index, { parent }] of nodes.entries()) if (parent >= 0) children[parent]?.push(index);
  const own = nodes.map((): number | null => null);
  const [root] = nodes;
  if (root === undefined) return own;
  const windows: Window[] = [{ index: 0, startMs: root.startMs, endMs: root.endMs }];
  for (let window = windows.pop(); window !== undefined; window = windows.pop()) {
    const waitedFor = chainWithin(window, nodes, children[window.index] ?? []);
    const theirs = waitedFor.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    own[window.index] = window.endMs - window.startMs - theirs;
    windows.push(...waitedFor);
  }
  return own;
}

/** A node and the part of it that its parent can wait for. */
interface Window {
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** The children a window waited for, last first: none overlaps another. */
function chainWithin(window: Window, nodes: readonly TimedNode[], children: readonly number[]): Window[] {
  const clipped: Window[] = [];
  for (const index of children) {
    const node = nodes[index];
    if (node === undefined) continue;
    const startMs = Math.max(node.startMs, window.startMs);
    const endMs = Math.min(node.endMs, window.endMs);
    // Nothing waits for what takes no time.
    if (endMs > startMs) clipped.push({ index, startMs, endMs });
  }
  clipped.sort((a, b) => b.endMs - a.endMs || a.startMs - b.startMs || a.index - b.index);
  const chain: Window[] = [];
  let reachedMs = window.endMs;
  for (const child of clipped) {
    if (child.endMs > reachedMs) continue;
    chain.push(child);
    reachedMs = child.startMs;
  }
  return chain;
}
