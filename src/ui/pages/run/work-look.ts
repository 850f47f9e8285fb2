import type { TimelineNode } from './timeline-nodes.js';

/** What a node is called: its name, else the id it has. */
export function workName(node: TimelineNode): string {
  return node.name ?? node.step_id ?? node.task_id ?? node.type;
}

/** The kind a bar is coloured by: of steps what they told, else what they are. */
export function workKind(node: TimelineNode): string {
  return node.kind ?? node.type;
}

/** A colour of the theme. A failure and what is under way are told before the kind. */
export function workTone(node: TimelineNode): string {
  if (node.status === 'failed') return 'bad';
  if (node.status === 'running' || node.status === 'orphaned') return 'busy';
  if (node.status === 'pending' || node.status === 'cancelled' || node.type !== 'step') return 'soft';
  return node.kind === 'llm' ? 'accent' : 'good';
}

/** The same as a class of the bar: written out, for styles are made of the words that stand in the source. */
export const barClasses: Readonly<Record<string, string>> = {
  bad: 'bg-bad',
  busy: 'bg-busy',
  soft: 'bg-soft',
  accent: 'bg-accent',
  good: 'bg-good',
};

export const statusMarks: Readonly<Record<TimelineNode['status'], string>> = {
  pending: '○',
  running: '▶',
  completed: '✓',
  failed: '✕',
  cancelled: '⊘',
  orphaned: '?',
};

export const statusText: Readonly<Record<TimelineNode['status'], string>> = {
  pending: 'text-soft',
  running: 'text-busy',
  completed: 'text-good',
  failed: 'text-bad',
  cancelled: 'text-soft',
  orphaned: 'text-warn',
};
