import type { UrlState } from '../routing/use-url-state.js';

/** A filter of runs or tasks: its name in the address is that of the API. */
export interface FilterOf<Name extends string = string> {
  readonly name: Name;
  readonly label: string;
  /** One of these; absent: any text. */
  readonly choices?: readonly string[];
  readonly any?: string;
}

const errorCategories = ['tool', 'model', 'retrieval', 'orchestration', 'infra', 'guardrail', 'user'] as const;

const errorText = { name: 'error_text', label: 'Error text' } as const;
const agent = { name: 'agent_id', label: 'Agent' } as const;
const category = {
  name: 'error_category',
  label: 'Error category',
  choices: errorCategories,
  any: 'Any category',
} as const;
const others = [
  { name: 'user_id', label: 'User' },
  { name: 'session_id', label: 'Session' },
  { name: 'crew_id', label: 'Crew' },
  { name: 'flow_id', label: 'Flow' },
  { name: 'engagement_id', label: 'Engagement' },
  { name: 'environment', label: 'Environment' },
  { name: 'model', label: 'Model' },
  { name: 'provider', label: 'Provider' },
] as const;

export interface WorkFilters {
  readonly text: FilterOf;
  /** Always in sight where there is room. */
  readonly main: readonly FilterOf[];
  readonly more: readonly FilterOf[];
}

const statuses = ['running', 'completed', 'failed', 'cancelled', 'orphaned'] as const;
const status = { name: 'status', label: 'Status', any: 'Any status' } as const;

export const runFilters: WorkFilters = {
  text: errorText,
  main: [{ ...status, choices: statuses }, agent, category],
  more: others,
};

export const taskFilters: WorkFilters = {
  text: errorText,
  main: [{ ...status, choices: ['pending', ...statuses] }, agent, category],
  more: [{ name: 'run_id', label: 'Run' }, ...others],
};

export function allFilters({ text, main, more }: WorkFilters): readonly FilterOf[] {
  return [text, ...main, ...more];
}

/** Those that are set, as the API takes them. */
export function filterOfAddress(url: Pick<UrlState, 'get'>, filters: WorkFilters): Readonly<Record<string, string>> {
  return Object.fromEntries(
    allFilters(filters)
      .map(({ name }) => [name, url.get(name)] as const)
      .filter(([, value]) => value !== ''),
  );
}
