import type { Answers } from '../../api/client.js';
import { useCursorPages } from '../../api/use-cursor-pages.js';
import { links } from '../../routing/links.js';
import { useUrlState } from '../../routing/use-url-state.js';
import { useFreshWork } from '../../work/use-fresh-work.js';
import { useWorkQuestion } from '../../work/use-work-question.js';
import { runFilters } from '../../work/work-filter.js';
import { WorkList } from '../../work/work-list.js';
import { RunHeader, type RunItem, RunRow } from './run-row.js';
import { RunStatsStrip } from './run-stats.js';

const idOf = ({ run_id: id }: RunItem) => id;

export function RunListPage() {
  const url = useUrlState();
  const question = useWorkQuestion(runFilters);
  const { name, filter, query, range } = question;
  const list = useCursorPages<RunItem, Answers['RunPage']>({
    question: ['runs', ...name],
    ask: (api, cursor, signal) =>
      api.GET('/api/v1/runs', { params: { query: { ...query, limit: 100, ...(cursor && { cursor }) } }, signal }),
    rowsOf: ({ runs }) => runs,
    idOf,
  });
  const on = url.get('live') !== 'off';
  const { fresh, state } = useFreshWork(
    {
      kind: 'run',
      filter,
      newestStart: list.rowAt(0)?.started_at ?? null,
      isShown: (id) => list.placeOf(id) !== undefined,
    },
    // Nothing new comes into a range that is over.
    { on: on && range.to === undefined, asOf: list.head.asOf },
  );
  return (
    <WorkList
      title="Runs"
      what={['run', 'runs']}
      filters={runFilters}
      question={question}
      list={list}
      live={{
        on,
        state,
        toggle: () => url.set({ live: on ? 'off' : null }, { replace: true }),
        freshIds: [...fresh.heard.keys()].filter((id) => list.placeOf(id) === undefined),
      }}
      idOf={idOf}
      hrefOf={({ run_id: id }) => links.run(id)}
      header={<RunHeader />}
      row={(row, options) => (
        <RunRow
          row={row}
          state={row === undefined ? undefined : fresh.states.get(row.run_id)}
          latest={row === undefined ? undefined : fresh.latest.get(row.run_id)}
          {...options}
        />
      )}
      summary={<RunStatsStrip answer={list.head} />}
    />
  );
}
