import { useMemo } from 'react';
import type { Answers } from '../../api/client.js';
import { type TimeRange, useTimeRange } from '../../parts/range-picker.js';
import { choiceOf, type UrlState, useUrlState } from '../../routing/use-url-state.js';

export type Breakdown = Answers['FailureBreakdown'];
export type FailureGroup = Answers['FailureGroup'];
export type GroupBy = Breakdown['group_by'];

export const groupings = ['category', 'code', 'agent', 'model', 'provider', 'tool', 'environment'] as const;
export const kinds = ['run', 'task', 'step'] as const;
export const categories = ['tool', 'model', 'retrieval', 'orchestration', 'infra', 'guardrail', 'user'] as const;
export const failureRanges = ['1h', '24h', '7d', '30d', '90d'] as const;
export const failureRangeFallback = '7d';

const filterNames = ['kind', 'category', 'code', 'agent_id', 'environment', 'model', 'provider'] as const;

export interface FailureFilter {
  readonly kind?: (typeof kinds)[number];
  readonly category?: (typeof categories)[number];
  readonly code?: string;
  readonly agent_id?: string;
  readonly environment?: string;
  readonly model?: string;
  readonly provider?: string;
}

/** The group that is looked into; a key of null is that of what was not told. */
interface ChosenGroup {
  readonly key: string | null;
}

export interface FailureView {
  readonly url: UrlState;
  readonly groupBy: GroupBy;
  readonly filter: FailureFilter;
  readonly chosen: ChosenGroup | null;
  readonly range: TimeRange;
  /** Names the range in a question: one up to now is the same a minute later. */
  readonly rangeName: readonly unknown[];
  choose(key: string | null): void;
  clear(): void;
}

/** What the address of the failures says. */
export function useFailureView(): FailureView {
  const url = useUrlState();
  const range = useTimeRange(failureRangeFallback);
  const filter = useMemo(() => filterOf(url.search), [url.search]);
  const group = url.search.get('group');
  const chosen = group !== null ? { key: group } : url.get('group_none') === '' ? null : { key: null };
  return {
    url,
    groupBy: choiceOf(url.get('group_by'), groupings),
    filter,
    chosen,
    range,
    rangeName: [range.name ?? [range.from, range.to]],
    choose: (key) => {
      const isChosen = chosen !== null && chosen.key === key;
      const [group, none] = isChosen ? [null, null] : [key, key === null ? '1' : null];
      url.set({ group, group_none: none, row: null });
    },
    clear: () =>
      url.set(Object.fromEntries([...filterNames, 'group', 'group_none', 'row'].map((name) => [name, null]))),
  };
}

function filterOf(search: URLSearchParams): FailureFilter {
  const given = filterNames.map((name) => [name, search.get(name) ?? ''] as const).filter(([, value]) => value !== '');
  return Object.fromEntries(given);
}

/** The filter of the list of failures of a group; null: the API cannot tell them apart from others. */
export function filterOfGroup(
  groupBy: GroupBy,
  key: string | null,
): (FailureFilter & { readonly name?: string }) | null {
  if (key === null) return null;
  if (groupBy === 'tool') return { kind: 'step', name: key };
  if (groupBy === 'agent') return { agent_id: key };
  return { [groupBy]: key };
}

const absent: Readonly<Record<GroupBy, string>> = {
  category: 'Without a category',
  code: 'Without a code',
  agent: 'Without an agent',
  model: 'No model was told',
  provider: 'No provider was told',
  tool: 'A tool without a name',
  environment: 'No environment was told',
};

/** A group in words. */
export function nameOfGroup(groupBy: GroupBy, key: string | null): string {
  return key === null || key === '' ? absent[groupBy] : key;
}

/** Groups that have a colour of their own in the chart; the others are one together. */
const chartGroupsMax = 5;
const tones = ['bad', 'warn', 'busy', 'accent', 'good'] as const;

/** The largest groups and all others together, each with its failures in each bucket. */
export function seriesOfGroups({ groups, other, buckets, group_by, total_groups }: Breakdown) {
  const shown = groups.slice(0, chartGroupsMax).map(({ key, series }, index) => ({
    name: nameOfGroup(group_by, key),
    values: series,
    tone: tones[index] ?? 'soft',
  }));
  const rest = [...groups.slice(chartGroupsMax).map(({ series }) => series), ...(other === null ? [] : [other.series])];
  if (rest.length === 0) return shown;
  const values = buckets.map((_, at) => rest.reduce((sum, series) => sum + (series[at] ?? 0), 0));
  const count = total_groups - shown.length;
  return [...shown, { name: count === 1 ? '1 other group' : `${count} other groups`, values, tone: 'soft' }];
}
