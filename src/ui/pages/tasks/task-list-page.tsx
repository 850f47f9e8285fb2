import type { Answers } from '../../api/client.js';
import { type CursorList, useCursorPages } from '../../api/use-cursor-pages.js';
import { formatExact } from '../../format/numbers.js';
import { AsOf } from '../../parts/answer-view.js';
import { links } from '../../routing/links.js';
import { useUrlState } from '../../routing/use-url-state.js';
import { taskKey } from '../../work/fresh-work.js';
import { useFreshWork } from '../../work/use-fresh-work.js';
import { useWorkQuestion } from '../../work/use-work-question.js';
import { taskFilters } from '../../work/work-filter.js';
import { WorkList } from '../../work/work-list.js';
import { TaskHeader, type TaskItem, TaskRow } from './task-row.js';

type TaskPageAnswer = Answers['TaskPage'];

export function TaskListPage() {
  const url = useUrlState();
  const question = useWorkQuestion(taskFilters);
  const { name, filter, query, range } = question;
  const list = useCursorPages<TaskItem, TaskPageAnswer>({
    question: ['tasks', ...name],
    ask: (api, cursor, signal) =>
      api.GET('/api/v1/monitoring/tasks', {
        params: { query: { ...query, limit: 100, ...(cursor && { cursor }) } },
        signal,
      }),
    rowsOf: ({ tasks }) => tasks,
    idOf: taskKey,
  });
  const on = url.get('live') !== 'off';
  const { fresh, state } = useFreshWork(
    {
      kind: 'task',
      filter,
      newestStart: list.rowAt(0)?.start_time ?? null,
      isShown: (id) => list.placeOf(id) !== undefined,
    },
    // Nothing new comes into a range that is over.
    { on: on && range.to === undefined, asOf: list.head.asOf },
  );
  return (
    <WorkList
      title="Tasks"
      what={['task', 'tasks']}
      filters={taskFilters}
      question={question}
      list={list}
      live={{
        on,
        state,
        toggle: () => url.set({ live: on ? 'off' : null }, { replace: true }),
        freshIds: [...fresh.heard.keys()].filter((id) => list.placeOf(id) === undefined),
      }}
      idOf={taskKey}
      hrefOf={links.task}
      header={<TaskHeader />}
      row={(row, options) => (
        <TaskRow row={row} latest={row === undefined ? undefined : fresh.latest.get(taskKey(row))} {...options} />
      )}
      summary={<Total list={list} />}
    />
  );
}

function Total({ list }: { readonly list: CursorList<TaskItem, TaskPageAnswer> }) {
  const { data } = list.head;
  if (data === undefined) return null;
  return (
    <p className="-my-1 flex flex-wrap items-center gap-x-3 text-sm text-soft">
      <span>
        {data.total_is_exact ? '' : 'At least '}
        <span className="tabular font-medium text-ink">{formatExact(data.total)}</span>
        {data.total === 1 ? ' task' : ' tasks'}
      </span>
      <AsOf answer={list.head} />
    </p>
  );
}
