import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { formatExact, formatPercent } from '../../format/numbers.js';

export type AgentIssue = Answers['AgentIssue'];

const names: Readonly<Record<AgentIssue['reason'], string>> = {
  error_rate_high: 'High error rate',
  error_rate_regression: 'More errors than before',
  p95_regression: 'Slower than before',
};

export function issueName({ reason }: AgentIssue): string {
  return names[reason] ?? reason;
}

/** The numbers an issue was decided by. */
export function issueBasis(issue: AgentIssue): string {
  if (issue.reason === 'p95_regression') {
    const { recent, baseline } = issue;
    return `${p95Of(recent)}, before ${p95Of(baseline)}`;
  }
  const now = failedOf(issue.recent);
  return issue.reason === 'error_rate_high'
    ? `${now}; ${formatPercent(issue.error_rate_max)} or more is an issue`
    : `${now}, before ${failedOf(issue.baseline)}`;
}

function failedOf({ failed_executions, successful_executions }: Answers['IssueOutcomes']): string {
  return `${formatExact(failed_executions)} of ${formatExact(failed_executions + successful_executions)} failed`;
}

function p95Of({ p95_ms, durations }: Answers['IssueP95']): string {
  return `p95 ${formatDuration(p95_ms)} of ${formatExact(durations)}`;
}
