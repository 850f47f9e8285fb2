import { useEffect, useRef, useState } from 'react';
import type { LiveMessage } from '../../live/live-messages.js';
import { LiveTail } from '../../live/live-tail.js';
import { RunsUnderWay } from '../../live/runs-under-way.js';
import { useDrawing } from '../../live/use-drawing.js';
import { useLive } from '../../live/use-live.js';
import { Page } from '../../parts/page.js';
import { LiveFilters, useLiveFilter } from './live-filters.js';
import { TailPanel } from './tail-panel.js';
import { UnderWayPanel } from './under-way-panel.js';

/** What happens now, from the memory of the collector: the events as they come, and the runs under way. */
export function LivePage() {
  const filter = useLiveFilter();
  const [{ tail, runs }] = useState(() => ({ tail: new LiveTail(), runs: new RunsUnderWay() }));
  const [refusal, setRefusal] = useState<string | null>(null);
  const [drawing, changed] = useDrawing();
  const filterText = JSON.stringify(filter);
  const shownFilter = useRef(filterText);
  useEffect(() => {
    if (shownFilter.current === filterText) return;
    shownFilter.current = filterText;
    tail.clear();
    changed();
  }, [filterText, tail, changed]);
  const state = useLive(filter, (message: LiveMessage) => {
    // That it stops is seen by the connection, which is lost.
    if (message.op === 'error' && message.code !== 'stopping') setRefusal(message.message);
    if (message.op === 'hello') setRefusal(null);
    tail.apply(message, Date.now());
    runs.apply(message, Date.now());
    changed();
  });
  return (
    <Page title="Live">
      <LiveFilters />
      <div className="flex min-h-0 flex-1 flex-col-reverse justify-end gap-4 md:flex-col 2xl:flex-row-reverse">
        <UnderWayPanel runs={runs} drawing={drawing} />
        <TailPanel tail={tail} state={state} refusal={refusal} drawing={drawing} onChange={changed} />
      </div>
    </Page>
  );
}
