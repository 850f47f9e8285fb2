import { useMemo } from 'react';
import { eventStatuses, eventTypes } from '../../live/event-types.js';
import type { LiveFilter } from '../../live/use-live.js';
import { Button } from '../../parts/button.js';
import { FilterField, Select } from '../../parts/choices.js';
import { useUrlState } from '../../routing/use-url-state.js';

const names = ['agent_id', 'run_id', 'type', 'status', 'model', 'provider', 'environment'] as const;

export function useLiveFilter(): LiveFilter {
  const { search } = useUrlState();
  return useMemo(
    () =>
      Object.fromEntries(names.map((name) => [name, search.get(name) ?? ''] as const).filter(([, of]) => of !== '')),
    [search],
  );
}

export function LiveFilters() {
  const url = useUrlState();
  const isSet = names.some((name) => url.get(name) !== '');
  const field = (name: (typeof names)[number], label: string) => (
    <FilterField label={label} value={url.get(name)} onChange={(value) => url.set({ [name]: value })} />
  );
  return (
    <search aria-label="Filter" className="flex flex-wrap items-center gap-2">
      {field('agent_id', 'Agent')}
      {field('run_id', 'Run')}
      <Select
        label="Type"
        any="Any type"
        choices={eventTypes}
        value={url.get('type')}
        onChange={(type) => url.set({ type })}
      />
      <Select
        label="Status"
        any="Any status"
        choices={eventStatuses}
        value={url.get('status')}
        onChange={(status) => url.set({ status })}
      />
      {field('model', 'Model')}
      {field('provider', 'Provider')}
      {field('environment', 'Environment')}
      {isSet && (
        <Button look="quiet" onClick={() => url.set(Object.fromEntries(names.map((name) => [name, null])))}>
          Clear the filter
        </Button>
      )}
    </search>
  );
}
