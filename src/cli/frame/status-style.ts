import type { Output } from './output.js';

/** One colour a state of work, the same in every command. */
export function statusStyle(status: string): Parameters<Output['paint']>[0] | null {
  switch (status.toLowerCase()) {
    case 'completed':
      return 'green';
    case 'failed':
      return 'red';
    case 'running':
    case 'pending':
    case 'retried':
      return 'yellow';
    case 'orphaned':
      return 'magenta';
    case 'recovered':
      return 'cyan';
    default:
      return 'dim';
  }
}
