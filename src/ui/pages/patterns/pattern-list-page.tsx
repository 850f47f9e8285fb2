import { useRef } from 'react';
import { useLocation } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useCursorPages } from '../../api/use-cursor-pages.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { FilterField } from '../../parts/choices.js';
import { NothingHere } from '../../parts/nothing-here.js';
import { Page } from '../../parts/page.js';
import { useMedia } from '../../parts/use-media.js';
import type { RowScroller } from '../../parts/virtual-rows.js';
import { links } from '../../routing/links.js';
import { useUrlState } from '../../routing/use-url-state.js';
import { CursorRows } from '../../work/cursor-rows.js';
import { headerHeight, oneLine, rowHeights } from '../../work/row-cells.js';
import { useMarkedRow } from '../../work/use-marked-row.js';
import { type Pattern, PatternHeader, PatternRow } from './pattern-row.js';

const names = ['pattern_type', 'agent_id', 'min_confidence'] as const;
const idOf = ({ pattern_id: id }: Pattern) => id;

/** What agents noticed about their work, the latest observed first. */
export function PatternListPage() {
  const [, navigate] = useLocation();
  const isOneLine = useMedia(oneLine);
  const scroller = useRef<RowScroller>(null);
  const filter = usePatternFilter();
  const list = useCursorPages<Pattern, Answers['ListPatternsAnswer']>({
    question: ['patterns', filter],
    ask: (api, cursor, signal) => {
      const query = { ...filter, limit: 100, ...(cursor && { cursor }) };
      return api.GET('/api/v1/patterns', { params: { query }, signal });
    },
    rowsOf: ({ patterns }) => patterns,
    idOf,
  });
  const mark = useMarkedRow({ list, idOf, scroller, open: (row) => navigate(links.pattern(row.pattern_id)) });
  const { head } = list;
  const isFiltered = Object.keys(filter).length > 0;
  const row = (pattern: Pattern | undefined, index: number) => (
    <PatternRow
      row={pattern}
      index={index}
      marked={mark.isMarked(pattern?.pattern_id, index)}
      isOneLine={isOneLine}
      onMark={mark.set}
    />
  );
  return (
    <Page
      title="Patterns"
      actions={
        <>
          <AsOf answer={head} />
          <Button onClick={list.showFirst}>Ask for the newest</Button>
        </>
      }
    >
      <PatternFilters />
      {(list.length === 0 || head.problem !== undefined) && (
        <AnswerView answer={head}>
          {({ patterns }) =>
            patterns.length === 0 && (
              <div className="rounded-lg border border-line bg-panel">
                <NothingHere onArrival={head.retry}>
                  {isFiltered
                    ? 'No pattern is one the filter holds for.'
                    : 'No agent has observed a pattern: it sends an event of type pattern.observed when it does.'}
                </NothingHere>
              </div>
            )
          }
        </AnswerView>
      )}
      {list.length > 0 && (
        <div className="flex min-h-80 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel">
          <CursorRows
            label="Patterns"
            list={list}
            rowHeight={isOneLine ? rowHeights.oneLine : rowHeights.twoLines}
            header={<PatternHeader />}
            headerHeight={isOneLine ? headerHeight : 0}
            scroller={scroller}
            empty=""
          >
            {row}
          </CursorRows>
        </div>
      )}
    </Page>
  );
}

const cleared = Object.fromEntries(names.map((name) => [name, null]));

function usePatternFilter() {
  const url = useUrlState();
  const [type, agentId, least] = [url.get('pattern_type'), url.get('agent_id'), url.get('min_confidence')];
  return {
    ...(type === '' ? {} : { pattern_type: type }),
    ...(agentId === '' ? {} : { agent_id: agentId }),
    ...(least === '' ? {} : { min_confidence: Number(least) }),
  };
}

function PatternFilters() {
  const url = useUrlState();
  const field = (name: (typeof names)[number], label: string, rest = {}) => (
    <FilterField
      label={label}
      value={url.get(name)}
      onChange={(value) => url.set({ [name]: value, row: null }, { replace: true })}
      {...rest}
    />
  );
  return (
    <search aria-label="Filter" className="flex flex-wrap items-center gap-2">
      {field('pattern_type', 'Type')}
      {field('agent_id', 'Agent')}
      {field('min_confidence', 'Confidence from', { inputMode: 'decimal' })}
      {names.some((name) => url.get(name) !== '') && (
        <Button look="quiet" onClick={() => url.set({ ...cleared, row: null })}>
          Clear the filter
        </Button>
      )}
    </search>
  );
}
