/** Types of events that can be asked for; a test holds them against those of the collector. */
export const eventTypes = [
  'run.started',
  'run.completed',
  'run.failed',
  'run.cancelled',
  'task.pending',
  'task.running',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'step.started',
  'step.completed',
  'step.failed',
  'memory.stored',
  'memory.recalled',
  'pattern.observed',
  'pattern.feedback',
  'log',
  'heartbeat',
] as const;

/** States of runs, tasks and steps that events can be asked by. */
export const eventStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
