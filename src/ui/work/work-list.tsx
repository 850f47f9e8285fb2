import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import type { CursorList } from '../api/use-cursor-pages.js';
import { useShortcuts } from '../keyboard/shortcuts.js';
import type { LiveState } from '../live/use-live.js';
import { Spinner } from '../parts/answer-view.js';
import { Button } from '../parts/button.js';
import { ProblemNote } from '../parts/notes.js';
import { NothingHere } from '../parts/nothing-here.js';
import { Page } from '../parts/page.js';
import { RangePicker } from '../parts/range-picker.js';
import { useMedia } from '../parts/use-media.js';
import type { RowScroller } from '../parts/virtual-rows.js';
import { useUrlState } from '../routing/use-url-state.js';
import { CursorRows } from './cursor-rows.js';
import { FilterBar } from './filter-bar.js';
import { FreshPill } from './fresh-pill.js';
import { LiveToggle } from './live-toggle.js';
import { headerHeight, oneLine, rowHeights } from './row-cells.js';
import { storedMs, useAskedAgain, useAskedOnceListening } from './use-asked-again.js';
import { useMarkedRow } from './use-marked-row.js';
import { type WorkQuestion, workRanges } from './use-work-question.js';
import type { WorkRowOptions } from './virtual-table.js';
import type { WorkFilters } from './work-filter.js';

interface RowOptions extends WorkRowOptions {
  readonly onMark: (id: string, index: number) => void;
}

interface WorkListLive {
  readonly on: boolean;
  readonly state: LiveState;
  readonly toggle: () => void;
  /** Of the filter, not shown yet. */
  readonly freshIds: readonly string[];
}

interface WorkListOptions<Row> {
  readonly title: string;
  /** Of one and of more. */
  readonly what: readonly [one: string, more: string];
  readonly filters: WorkFilters;
  readonly question: WorkQuestion;
  readonly list: CursorList<Row, unknown>;
  readonly live: WorkListLive | null;
  readonly idOf: (row: Row) => string;
  readonly hrefOf: (row: Row) => string;
  readonly header: ReactNode;
  readonly row: (row: Row | undefined, options: RowOptions) => ReactNode;
  /** Above the list. */
  readonly summary: ReactNode;
}

/** A list of runs or tasks with its filters, keys, and what comes while one looks. */
export function WorkList<Row>(options: WorkListOptions<Row>) {
  const { list, live, filters } = options;
  const textField = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<RowScroller>(null);
  const askAgain = useAskedAgain({ heardIds: live?.freshIds ?? [], asOf: list.head.asOf, ask: list.head.retry });
  useAskedOnceListening(live?.state ?? 'off', list.head.retry);
  const showFirst = () => {
    scroller.current?.scrollToOffset(0);
    list.scrolled(0);
    askAgain();
    list.showFirst();
  };
  useShortcuts([
    { keys: '/', says: 'Go to the text filter', run: () => textField.current?.focus() },
    { keys: 'r', says: 'Ask for the newest', run: showFirst },
    ...(live === null ? [] : [{ keys: 'p', says: 'Pause or resume live', run: live.toggle }]),
  ]);
  return (
    <Page
      title={options.title}
      actions={
        <>
          <RangePicker ranges={workRanges} fallback={options.question.fallback} />
          {live !== null && <LiveToggle {...live} />}
          <Button aria-label="Refresh" title="Ask for the newest (r)" onClick={showFirst}>
            <span aria-hidden="true">↻</span>
          </Button>
        </>
      }
    >
      <FilterBar
        filters={filters}
        textField={textField}
        onDone={() => box.current?.querySelector<HTMLElement>('[role=table]')?.focus()}
      />
      {list.head.problem !== undefined && <ProblemNote problem={list.head.problem} onRetry={list.head.retry} />}
      {options.summary}
      <div
        ref={box}
        aria-busy={list.head.loading}
        className="relative flex min-h-80 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel"
      >
        <Rows {...options} scroller={scroller} showFirst={showFirst} />
      </div>
    </Page>
  );
}

function Rows<Row>({
  scroller,
  showFirst,
  ...options
}: WorkListOptions<Row> & {
  readonly scroller: RefObject<RowScroller | null>;
  readonly showFirst: () => void;
}) {
  const { list, live, idOf, hrefOf, what } = options;
  const [, navigate] = useLocation();
  const isOneLine = useMedia(oneLine);
  const mark = useMarkedRow({ list, idOf, scroller, open: (row) => navigate(hrefOf(row)) });
  const { head } = list;
  const fresh = new Set([...list.fresh.map(idOf), ...(live?.freshIds ?? [])]);
  if (head.data === undefined) return head.loading && head.slow ? <Waiting onCancel={head.cancel} /> : null;
  return (
    <>
      <FreshPill count={fresh.size} changed={list.changed} what={what} onShow={showFirst} />
      <div className={`flex min-h-0 flex-1 flex-col ${head.outdated ? 'opacity-60 transition-opacity delay-100' : ''}`}>
        <CursorRows
          label={options.title}
          list={list}
          rowHeight={isOneLine ? rowHeights.oneLine : rowHeights.twoLines}
          header={options.header}
          headerHeight={isOneLine ? headerHeight : 0}
          scroller={scroller}
          empty={<Empty {...options} showFirst={showFirst} freshCount={fresh.size} />}
        >
          {(row, index) =>
            options.row(row, {
              index,
              marked: mark.isMarked(row === undefined ? undefined : idOf(row), index),
              isOneLine,
              onMark: mark.set,
            })
          }
        </CursorRows>
      </div>
    </>
  );
}

/** Says why there is nothing, and asks by itself when something comes: nobody reads what would move. */
function Empty<Row>({
  question,
  what,
  list,
  freshCount,
  showFirst,
}: WorkListOptions<Row> & { readonly freshCount: number; readonly showFirst: () => void }) {
  const url = useUrlState();
  const show = useRef(showFirst);
  show.current = showFirst;
  const { asOf } = list.head;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer that is still empty is followed by another
  useEffect(() => {
    if (freshCount === 0) return;
    const timer = setTimeout(() => show.current(), storedMs);
    return () => clearTimeout(timer);
  }, [freshCount, asOf]);
  const isFiltered = Object.keys(question.filter).length > 0;
  return (
    <NothingHere onArrival={showFirst}>
      {isFiltered ? `No ${what[0]} of this range is one the filter holds for. ` : `No ${what[0]} began in this range. `}
      {question.range.name !== '90d' && (
        <Button look="quiet" onClick={() => url.set({ range: '90d', from: null, to: null })}>
          Look at 90 days
        </Button>
      )}
    </NothingHere>
  );
}

function Waiting({ onCancel }: { readonly onCancel: () => void }) {
  return (
    <p className="flex items-center justify-center gap-3 py-8 text-soft">
      <Spinner /> Asking the store
      <Button onClick={onCancel}>Cancel</Button>
    </p>
  );
}
