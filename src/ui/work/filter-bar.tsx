import { type Ref, useState } from 'react';
import { Button } from '../parts/button.js';
import { FilterField, Select } from '../parts/choices.js';
import { useUrlState } from '../routing/use-url-state.js';
import { allFilters, type FilterOf, type WorkFilters } from './work-filter.js';

/** The filters of a list, all of them in the address. What is seldom used folds away, on a narrow screen most of it. */
export function FilterBar({
  filters,
  textField,
  onDone,
}: {
  readonly filters: WorkFilters;
  readonly textField: Ref<HTMLInputElement>;
  /** Enter was pressed in a field. */
  readonly onDone: () => void;
}) {
  const url = useUrlState();
  const set = (list: readonly FilterOf[]) => list.filter(({ name }) => url.get(name) !== '').length;
  const [open, setOpen] = useState(() => set(filters.more) > 0);
  const all = allFilters(filters);
  const folded = set(filters.more);
  const foldedNarrow = folded + set(filters.main);
  return (
    <search>
      <form
        className="flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          onDone();
        }}
        onKeyDown={({ key, target }) => {
          if (key === 'Escape' && target instanceof HTMLElement) target.blur();
        }}
      >
        <Field filter={filters.text} field={textField} />
        <div className={`flex flex-wrap gap-2 ${open ? '' : 'max-md:hidden'}`}>
          {filters.main.map((filter) => (
            <Field key={filter.name} filter={filter} />
          ))}
        </div>
        <Button aria-expanded={open} onClick={() => setOpen(!open)}>
          <span className="max-md:hidden">{`More filters${folded > 0 ? ` (${folded})` : ''}`}</span>
          <span className="md:hidden">{`Filters${foldedNarrow > 0 ? ` (${foldedNarrow})` : ''}`}</span>
          <span aria-hidden="true">{open ? '▴' : '▾'}</span>
        </Button>
        {set(all) > 0 && (
          <Button
            look="quiet"
            onClick={() => url.set(Object.fromEntries([...all.map(({ name }) => [name, null]), ['row', null]]))}
          >
            Clear
          </Button>
        )}
        {open && (
          <div className="grid basis-full grid-cols-[repeat(auto-fill,minmax(7.6rem,1fr))] gap-2 [&>input]:w-full">
            {filters.more.map((filter) => (
              <Field key={filter.name} filter={filter} />
            ))}
          </div>
        )}
      </form>
    </search>
  );
}

function Field({ filter, field }: { readonly filter: FilterOf; readonly field?: Ref<HTMLInputElement> }) {
  const url = useUrlState();
  const { name, label, choices, any } = filter;
  const value = url.get(name);
  if (choices !== undefined) {
    return (
      <Select
        label={label}
        {...(any === undefined ? {} : { any })}
        choices={choices}
        value={value}
        onChange={(choice) => url.set({ [name]: choice, row: null })}
      />
    );
  }
  return (
    <FilterField
      label={label}
      value={value}
      onChange={(text) => url.set({ [name]: text, row: null }, { replace: true })}
      {...(field === undefined ? {} : { ref: field })}
    />
  );
}
