import type { Span, TimelineNode } from './timeline-nodes.js';
import { spanOf } from './timeline-nodes.js';

/** A line of the drawn tree: a piece of work with all its attempts, or one attempt of it when those are unfolded. */
export interface TimelineRow {
  /** Of the first attempt's node; of its own node for an attempt. */
  readonly key: string;
  /** What the line is named and coloured after: the latest attempt. */
  readonly node: TimelineNode;
  /** In order; one for most. */
  readonly attempts: readonly TimelineNode[];
  readonly depth: number;
  /** Null: nothing is below it. */
  readonly open: boolean | null;
}

export interface Folding {
  /** Lines deeper than this begin folded. */
  readonly depthMax: number;
  /** Keys of lines that are not as they begin. */
  readonly toggled: ReadonlySet<string>;
}

/** The tree of a run, ready to be asked for its lines. */
export interface TimelineTree {
  readonly nodes: readonly TimelineNode[];
  readonly children: ReadonlyMap<string | null, readonly TimelineNode[]>;
}

/** In one pass over the nodes, in whatever order they come: what has no known parent hangs under the run. */
export function treeOf(nodes: readonly TimelineNode[]): TimelineTree {
  const known = new Set(nodes.map(({ node }) => node));
  const root = nodes.find(({ parent }) => parent === null)?.node ?? null;
  const children = new Map<string | null, TimelineNode[]>();
  for (const node of nodes) {
    const parent = node.parent === null || known.has(node.parent) ? node.parent : root;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [node]);
    else siblings.push(node);
  }
  return { nodes, children };
}

/** The lines that are seen, in their order. */
export function rowsOf(tree: TimelineTree, folding: Folding): readonly TimelineRow[] {
  const rows: TimelineRow[] = [];
  addRows(tree, { parents: [null], depth: 0, folding, rows });
  return rows;
}

interface Adding {
  readonly parents: readonly (string | null)[];
  readonly depth: number;
  readonly folding: Folding;
  readonly rows: TimelineRow[];
}

function addRows(tree: TimelineTree, { parents, depth, folding, rows }: Adding): void {
  for (const attempts of groupsOf(parents.flatMap((parent) => tree.children.get(parent) ?? []))) {
    const key = attempts[0]!.node;
    const node = attempts.at(-1)!;
    const hasChildren = attempts.some((attempt) => tree.children.has(attempt.node));
    const several = attempts.length > 1;
    // Attempts begin on one line; those with work of their own below them begin apart, or it would not be seen.
    const begins = hasChildren ? depth < folding.depthMax : false;
    const open = hasChildren || several ? begins !== folding.toggled.has(key) : null;
    rows.push({ key, node, attempts, depth, open });
    if (open !== true) continue;
    if (!several) addRows(tree, { parents: [node.node], depth: depth + 1, folding, rows });
    else for (const attempt of attempts) addAttempt(tree, { attempt, depth: depth + 1, folding, rows });
  }
}

function addAttempt(
  tree: TimelineTree,
  { attempt, depth, folding, rows }: Omit<Adding, 'parents'> & { readonly attempt: TimelineNode },
): void {
  const key = `${attempt.node}!`;
  const open = tree.children.has(attempt.node) ? depth <= folding.depthMax !== folding.toggled.has(key) : null;
  rows.push({ key, node: attempt, attempts: [attempt], depth, open });
  if (open === true) addRows(tree, { parents: [attempt.node], depth: depth + 1, folding, rows });
}

/** Siblings that are attempts of the same work, in the order in which the first of each comes. */
function groupsOf(siblings: readonly TimelineNode[]): Iterable<readonly TimelineNode[]> {
  const groups = new Map<string, TimelineNode[]>();
  for (const node of siblings) {
    const work = node.type === 'run' ? node.node : JSON.stringify([node.type, node.task_id, node.step_id]);
    const group = groups.get(work);
    if (group === undefined) groups.set(work, [node]);
    else group.push(node);
  }
  return groups.values();
}

/** Keys of the lines above a node, from the run down: what has to be open for it to be seen. */
function waysTo(tree: TimelineTree, nodeId: string): readonly string[] {
  const byId = new Map(tree.nodes.map((node) => [node.node, node]));
  const ways: string[] = [];
  for (let id = byId.get(nodeId)?.parent ?? null; id !== null; id = byId.get(id)?.parent ?? null) ways.unshift(id);
  return ways;
}

const unfolded: Folding = { depthMax: Number.POSITIVE_INFINITY, toggled: new Set() };

/** Every attempt in the order of the drawing, folded or not. */
export function drawnNodes(tree: TimelineTree): readonly TimelineNode[] {
  return rowsOf(tree, unfolded).flatMap(({ attempts, key }) => (key.endsWith('!') ? [] : attempts));
}

/** The failure after (1) or before (-1) a node in the order of the drawing, round the end; null when nothing failed. */
export function nextFailure(tree: TimelineTree, from: string, by: 1 | -1): TimelineNode | null {
  const nodes = drawnNodes(tree);
  const failed = nodes.filter(({ status, type }) => status === 'failed' && type !== 'run');
  const places = new Map(nodes.map(({ node }, place) => [node, place]));
  const here = places.get(from) ?? (by === 1 ? -1 : nodes.length);
  const beyond = failed.filter(({ node }) => by * (places.get(node)! - here) > 0);
  return (by === 1 ? (beyond[0] ?? failed[0]) : (beyond.at(-1) ?? failed.at(-1))) ?? null;
}

/** Keys of the folded lines that hide a node, the outermost first. */
export function keysHiding(tree: TimelineTree, folding: Folding, nodeId: string): readonly string[] {
  const ways = new Set(waysTo(tree, nodeId));
  const keys: string[] = [];
  const toggled = new Set(folding.toggled);
  for (;;) {
    const hiding = rowsOf(tree, { ...folding, toggled }).find(
      ({ open, attempts }) => open === false && attempts.some(({ node }) => ways.has(node)),
    );
    if (hiding === undefined) return keys;
    keys.push(hiding.key);
    if (!toggled.delete(hiding.key)) toggled.add(hiding.key);
  }
}

/** Of a node and all that is below it: a child that outlasts its parent makes the parent's bar longer. */
export function outerSpans(tree: TimelineTree, nowOffsetMs: number): ReadonlyMap<string, Span> {
  const spans = new Map<string, Span>();
  const order: TimelineNode[] = [];
  const waiting = [...(tree.children.get(null) ?? [])];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    order.push(node);
    waiting.push(...(tree.children.get(node.node) ?? []));
  }
  for (const node of order.reverse()) {
    let { fromMs, toMs } = spanOf(node, nowOffsetMs);
    for (const child of tree.children.get(node.node) ?? []) {
      const span = spans.get(child.node)!;
      fromMs = Math.min(fromMs, span.fromMs);
      toMs = Math.max(toMs, span.toMs);
    }
    spans.set(node.node, { fromMs, toMs });
  }
  return spans;
}
