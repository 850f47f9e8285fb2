import { useRef } from 'react';
import { Link, useLocation } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useCursorPages } from '../../api/use-cursor-pages.js';
import { AsOf } from '../../parts/answer-view.js';
import { Id } from '../../parts/id.js';
import { ProblemNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import { Age } from '../../parts/time.js';
import { useMedia } from '../../parts/use-media.js';
import type { RowScroller } from '../../parts/virtual-rows.js';
import { links } from '../../routing/links.js';
import { CursorRows } from '../../work/cursor-rows.js';
import { headerHeight, oneLine, rowHeights } from '../../work/row-cells.js';
import { useMarkedRow } from '../../work/use-marked-row.js';
import { type Failure, FailureHeader, FailureRow, idOfFailure, placeOfFailure } from './failure-row.js';
import { type FailureGroup, type FailureView, filterOfGroup, nameOfGroup } from './failure-view.js';

/** The failures one by one: all of the view, or those of the chosen group, with runs that are examples of it. */
export function FailureList({
  view,
  groups,
}: {
  readonly view: FailureView;
  readonly groups: readonly FailureGroup[];
}) {
  const { chosen, groupBy } = view;
  const group = chosen === null ? undefined : groups.find(({ key }) => key === chosen.key);
  const narrowed = chosen === null ? {} : filterOfGroup(groupBy, chosen.key);
  return (
    <>
      {chosen !== null && <ChosenGroup view={view} group={group} />}
      {narrowed === null ? (
        <Panel title="Failures">
          <p className="text-sm text-soft">
            What was not told cannot be asked for: of this group only the examples above are listed.
          </p>
        </Panel>
      ) : (
        <List view={view} narrowed={narrowed} />
      )}
    </>
  );
}

function ChosenGroup({ view, group }: { readonly view: FailureView; readonly group: FailureGroup | undefined }) {
  const { chosen, groupBy } = view;
  const name = nameOfGroup(groupBy, chosen?.key ?? null);
  return (
    <Panel
      title={
        <span className="foreign">
          Runs that are examples of {groupBy} <bdi>{name}</bdi>
        </span>
      }
      aside={
        groupBy === 'agent' && chosen !== null && chosen.key !== null ? (
          <Link href={links.agent(chosen.key)} className="text-accent hover:underline">
            Go to the agent
          </Link>
        ) : undefined
      }
    >
      {group === undefined || group.examples.length === 0 ? (
        <p className="text-sm text-soft">No run is known that is an example.</p>
      ) : (
        <ul className="flex flex-col gap-1 text-sm">
          {group.examples.map(({ run_id: runId, last_failed_at: at }) => (
            <li key={runId} className="flex min-w-0 items-center gap-3">
              <Id id={runId} href={links.run(runId)} />
              <span className="shrink-0 text-soft">
                failed last <Age at={at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Pixels. */
const boxHeightMax = 470;

function List({
  view: { filter, range, rangeName },
  narrowed,
}: {
  readonly view: FailureView;
  readonly narrowed: NonNullable<ReturnType<typeof filterOfGroup>>;
}) {
  const [, navigate] = useLocation();
  const isOneLine = useMedia(oneLine);
  const scroller = useRef<RowScroller>(null);
  const list = useCursorPages<Failure, Answers['FailurePage']>({
    question: ['failure list', filter, narrowed, ...rangeName],
    ask: (api, cursor, signal) => {
      const to = range.to === undefined ? {} : { to: range.to };
      const query = { ...filter, ...narrowed, from: range.from, ...to, limit: 100, ...(cursor && { cursor }) };
      return api.GET('/api/v1/failures', { params: { query }, signal });
    },
    rowsOf: ({ failures }) => failures,
    idOf: idOfFailure,
  });
  const mark = useMarkedRow({ list, idOf: idOfFailure, scroller, open: (row) => navigate(placeOfFailure(row)) });
  const { head } = list;
  const heights = isOneLine
    ? { row: rowHeights.oneLine, header: headerHeight }
    : { row: rowHeights.twoLines, header: 0 };
  const height = list.length === 0 ? undefined : Math.min(boxHeightMax, heights.header + list.length * heights.row);
  return (
    <Panel title="Failures, the newest first" aside={<AsOf answer={head} />} className="shrink-0">
      {head.problem !== undefined && <ProblemNote problem={head.problem} onRetry={head.retry} />}
      {head.data !== undefined && (
        <div
          aria-busy={head.loading}
          style={{ height }}
          className={`-mx-4 flex flex-col ${head.outdated ? 'opacity-60' : ''}`}
        >
          <CursorRows
            label="Failures"
            list={list}
            rowHeight={heights.row}
            header={<FailureHeader />}
            headerHeight={heights.header}
            scroller={scroller}
            empty="There is no such failure in this range."
          >
            {(row, index) => (
              <FailureRow
                row={row}
                index={index}
                marked={mark.isMarked(row === undefined ? undefined : idOfFailure(row), index)}
                isOneLine={isOneLine}
                onMark={mark.set}
              />
            )}
          </CursorRows>
        </div>
      )}
    </Panel>
  );
}
