import { type ReactNode, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { formatCount } from '../../format/numbers.js';
import { useShortcuts } from '../../keyboard/shortcuts.js';
import { useFirstEvent } from '../../live/use-first-event.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { FilterField } from '../../parts/choices.js';
import { EmptyNote } from '../../parts/notes.js';
import { NoEventsNote } from '../../parts/nothing-here.js';
import { Page } from '../../parts/page.js';
import { type RowScroller, VirtualRows } from '../../parts/virtual-rows.js';
import { links } from '../../routing/links.js';
import { choiceOf, useUrlState } from '../../routing/use-url-state.js';
import { type AgentRow, agentSorts, matchingAgents, sortedAgents } from './agent-list.js';
import { AgentListHeader, AgentListRow, agentRowHeight } from './agent-list-row.js';
import { type AgentList, useAgentList } from './use-agent-list.js';

export function AgentListPage() {
  const url = useUrlState();
  const text = url.get('q');
  const sort = choiceOf(url.get('sort'), agentSorts);
  const list = useAgentList(text !== '' || sort !== 'id');
  const field = useRef<HTMLDivElement>(null);
  useShortcuts([{ keys: '/', says: 'Filter the agents', run: () => field.current?.querySelector('input')?.focus() }]);
  const { data, retry } = list;
  useFirstEvent(data?.agents.length === 0, retry);
  const rows = useMemo(
    () => (data === undefined ? [] : sortedAgents(matchingAgents(data.agents, text), sort)),
    [data, text, sort],
  );
  return (
    <Page
      title="Agents"
      actions={
        <>
          <div ref={field}>
            <FilterField label="Id or name" value={text} onChange={(q) => url.set({ q }, { replace: true })} />
          </div>
          <AsOf answer={list} />
        </>
      }
    >
      <AnswerView answer={list}>
        {(loaded) => (
          <Agents loaded={loaded} rows={rows} text={text} onMore={list.more}>
            <AgentListHeader sort={sort} onSort={(choice) => url.set({ sort: choice === 'id' ? null : choice })} />
          </Agents>
        )}
      </AnswerView>
    </Page>
  );
}

function Agents({
  loaded,
  rows,
  text,
  onMore,
  children,
}: {
  readonly loaded: AgentList;
  readonly rows: readonly AgentRow[];
  readonly text: string;
  readonly onMore: () => void;
  readonly children: ReactNode;
}) {
  const scroller = useRef<RowScroller | null>(null);
  const chosen = useChosenRow(rows, scroller);
  if (loaded.agents.length === 0) return <NoEventsNote />;
  return (
    <div className="flex min-h-0 flex-col overflow-hidden rounded-lg border border-line bg-panel">
      <VirtualRows
        label="Agents"
        count={rows.length}
        rowHeight={agentRowHeight}
        header={children}
        scroller={scroller}
        onRange={({ last }) => {
          if (text === '' && loaded.hasMore && last >= rows.length - 20) onMore();
        }}
        className="max-h-[calc(100dvh-10rem)]"
      >
        {(index) => <AgentListRow agent={rows[index]!} isChosen={index === chosen} />}
      </VirtualRows>
      {rows.length === 0 && <EmptyNote>No agent has this in its id or name.</EmptyNote>}
      <Foot loaded={loaded} shown={rows.length} text={text} onMore={onMore} />
    </div>
  );
}

function Foot({
  loaded: { agents, hasMore },
  shown,
  text,
  onMore,
}: {
  readonly loaded: AgentList;
  readonly shown: number;
  readonly text: string;
  readonly onMore: () => void;
}) {
  const counted = `${formatCount(agents.length)} agents${hasMore ? ' are loaded, there are more' : ''}`;
  return (
    <p className="flex items-center gap-3 border-t border-line px-3 py-2 text-sm text-soft">
      <span>{text === '' ? counted : `${formatCount(shown)} of ${counted}`}</span>
      <span className="max-sm:hidden">Numbers are of the last 24 hours.</span>
      {hasMore && <Button onClick={onMore}>Load more</Button>}
    </p>
  );
}

/** The row that `j` and `k` have come to, which Enter opens; null before. */
function useChosenRow(rows: readonly AgentRow[], scroller: { readonly current: RowScroller | null }): number | null {
  const [at, setAt] = useState<number | null>(null);
  const [, navigate] = useLocation();
  const go = (to: number) => {
    const row = Math.max(0, Math.min(rows.length - 1, to));
    setAt(row);
    scroller.current?.scrollToIndex(row);
  };
  useShortcuts([
    { keys: 'j', says: 'Next agent', run: () => go(at === null ? 0 : at + 1) },
    { keys: 'k', says: 'Agent before', run: () => go(at === null ? 0 : at - 1) },
    {
      keys: 'Enter',
      says: 'Open the agent',
      run: () => {
        const row = at === null ? undefined : rows[at];
        if (row !== undefined) navigate(links.agent(row.agent_id));
      },
    },
  ]);
  return at;
}
