import type { Span, TimelineNode } from './timeline-nodes.js';
import { spanOf } from './timeline-nodes.js';
import type { TimelineTree } from './timeline-rows.js';

/** A box of the flame view: a node, as long as it took, in a lane below that of its parent. */
export interface FlameBox extends Span {
  readonly node: TimelineNode;
  readonly lane: number;
}

/** What runs at the same time at one depth lies in lanes of its own; more than so many are drawn over each other. */
const lanesOfDepthMax = 60;

/** Each depth has as many lanes as its work overlaps; work goes to the first lane that is free when it starts. */
export function flameBoxes(tree: TimelineTree, nowOffsetMs: number): readonly FlameBox[] {
  const boxes: FlameBox[] = [];
  let level = [...(tree.children.get(null) ?? [])];
  for (let laneBase = 0; level.length > 0; ) {
    const freeFrom: number[] = [];
    const spans = level.map((node) => ({ node, ...spanOf(node, nowOffsetMs) }));
    for (const { node, fromMs, toMs } of spans.sort((a, b) => a.fromMs - b.fromMs)) {
      const free = freeFrom.findIndex((at) => at <= fromMs);
      const lane = free >= 0 ? free : Math.min(freeFrom.length, lanesOfDepthMax - 1);
      freeFrom[lane] = Math.max(freeFrom[lane] ?? toMs, toMs);
      boxes.push({ node, fromMs, toMs, lane: laneBase + lane });
    }
    laneBase += freeFrom.length;
    level = level.flatMap(({ node }) => tree.children.get(node) ?? []);
  }
  return boxes;
}
