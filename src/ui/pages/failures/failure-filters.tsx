import { Button } from '../../parts/button.js';
import { FilterField, Segmented, Select } from '../../parts/choices.js';
import { categories, type FailureView, groupings, kinds } from './failure-view.js';

const fields = [
  ['code', 'Code'],
  ['agent_id', 'Agent'],
  ['environment', 'Environment'],
  ['model', 'Model'],
  ['provider', 'Provider'],
] as const;

export function FailureFilters({ view }: { readonly view: FailureView }) {
  const { url, filter, groupBy, chosen } = view;
  const set = (name: string, value: string, replace = false) => url.set({ [name]: value, row: null }, { replace });
  return (
    <search aria-label="Filter" className="flex flex-col gap-2">
      <div className="max-w-full overflow-x-auto">
        <Segmented
          label="In groups by"
          choices={groupings}
          value={groupBy}
          onChange={(of) =>
            url.set({ group_by: of === 'category' ? null : of, group: null, group_none: null, row: null })
          }
        />
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <Select
          label="Kind"
          any="Runs, tasks, steps"
          choices={kinds}
          value={url.get('kind')}
          onChange={(kind) => set('kind', kind)}
        />
        <Select
          label="Category"
          any="Any category"
          choices={categories}
          value={url.get('category')}
          onChange={(category) => set('category', category)}
        />
        {fields.map(([name, label]) => (
          <FilterField key={name} label={label} value={url.get(name)} onChange={(value) => set(name, value, true)} />
        ))}
        {(Object.keys(filter).length > 0 || chosen !== null) && (
          <Button look="quiet" onClick={view.clear}>
            Clear the filter
          </Button>
        )}
      </div>
    </search>
  );
}
