import { useLayoutEffect, useRef } from 'react';
import { formatCount, formatExact, formatRate } from '../../format/numbers.js';
import { useShortcuts } from '../../keyboard/shortcuts.js';
import { type LiveTail, tailLinesMax } from '../../live/live-tail.js';
import type { LiveState } from '../../live/use-live.js';
import { Button } from '../../parts/button.js';
import { Figure, Figures } from '../../parts/figures.js';
import { Panel } from '../../parts/panel.js';
import { useNow } from '../../parts/time.js';
import { useMedia } from '../../parts/use-media.js';
import { VirtualRows } from '../../parts/virtual-rows.js';
import { NothingCame } from './nothing-came.js';
import { TailHeader, TailRow } from './tail-row.js';

/** Pixels of a line; on a phone it is two. */
const lineHeight = { wide: 27, narrow: 47 } as const;

export function TailPanel({
  tail,
  state,
  refusal,
  drawing,
  onChange,
}: {
  readonly tail: LiveTail;
  readonly state: LiveState;
  readonly refusal: string | null;
  /** Counts the drawings: `tail` is another one with each. */
  readonly drawing: number;
  readonly onChange: () => void;
}) {
  const wide = useMedia('(min-width: 48rem)');
  const rowHeight = wide ? lineHeight.wide : lineHeight.narrow;
  const goOn = () => {
    tail.resume();
    onChange();
  };
  const toggle = () => {
    if (tail.isPaused) return goOn();
    tail.pause();
    onChange();
  };
  useShortcuts([
    { keys: 'p', says: 'Pause the list, or go on', run: toggle },
    { keys: 'c', says: 'Empty the list', run: () => clear(tail, onChange) },
  ]);
  const { list, look } = useFollowing({ tail, drawing, onChange });
  return (
    <Panel
      title="Events"
      className="flex min-h-96 flex-1 flex-col"
      aside={<Connection state={state} refusal={refusal} />}
    >
      <div className="mb-2 flex flex-wrap items-center gap-x-5 gap-y-1 text-sm">
        <Numbers tail={tail} />
        <div className="ms-auto flex items-center gap-2">
          {tail.isPaused && (
            <Button look="main" onClick={goOn}>
              {tail.newCount === 0 ? 'Go on' : `${formatCount(tail.newCount)} new, go on`}
            </Button>
          )}
          {!tail.isPaused && <Button onClick={toggle}>Pause</Button>}
          <Button look="quiet" onClick={() => clear(tail, onChange)}>
            Empty
          </Button>
        </div>
      </div>
      {tail.length === 0 ? (
        <NothingCame />
      ) : (
        <div ref={list} onScrollCapture={look} className="flex min-h-0 flex-1 flex-col">
          {wide && <TailHeader />}
          <VirtualRows
            label="Events, the newest last"
            count={tail.length}
            rowHeight={rowHeight}
            className="h-0 flex-1 [overflow-anchor:none]"
          >
            {(index) => <TailRow line={tail.line(index)} wide={wide} />}
          </VirtualRows>
        </div>
      )}
    </Panel>
  );
}

function clear(tail: LiveTail, onChange: () => void): void {
  tail.clear();
  onChange();
}

/** Pixels that a list moves up by itself, by rounding. */
const stillPixels = 4;

/** Stays at the newest line; who scrolls up stops the list, and who comes back to its end goes on. */
function useFollowing({
  tail,
  drawing,
  onChange,
}: {
  readonly tail: LiveTail;
  readonly drawing: number;
  readonly onChange: () => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const before = useRef({ top: 0, height: 0 });
  const pausedByScroll = useRef(false);
  const look = (): void => {
    const box = list.current?.querySelector('section');
    if (!box) return;
    const { scrollTop, scrollHeight, clientHeight } = box;
    const { top, height } = before.current;
    before.current = { top: scrollTop, height: scrollHeight };
    const fromEnd = scrollHeight - clientHeight - scrollTop;
    // A list that became shorter moves by itself.
    if (!tail.isPaused && scrollTop < top - stillPixels && scrollHeight >= height && fromEnd > stillPixels) {
      tail.pause();
      pausedByScroll.current = true;
      onChange();
    } else if (tail.isPaused && pausedByScroll.current && scrollTop > top && fromEnd <= stillPixels) {
      tail.resume();
      pausedByScroll.current = false;
      onChange();
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each drawing the end is elsewhere
  useLayoutEffect(() => {
    // Who has scrolled up since is told of only later, and must not be moved back before.
    look();
    const box = list.current?.querySelector('section');
    if (!box || tail.isPaused) return;
    box.scrollTop = box.scrollHeight;
    before.current = { top: box.scrollTop, height: box.scrollHeight };
  }, [drawing, tail]);
  return { list, look };
}

const states: Readonly<Record<LiveState, { readonly look: string; readonly says: string }>> = {
  connecting: { look: 'bg-warn', says: 'Connecting' },
  open: { look: 'bg-good', says: 'Listening' },
  waiting: { look: 'bg-bad', says: 'The connection is lost; it is tried again by itself' },
  off: { look: 'bg-soft', says: 'Not listening' },
};

function Connection({ state, refusal }: { readonly state: LiveState; readonly refusal: string | null }) {
  const { look, says } = states[state];
  return (
    <span role="status" className="inline-flex min-w-0 items-center gap-2">
      <span aria-hidden="true" className={`size-2 shrink-0 rounded-full ${look}`} />
      {refusal === null ? says : <span className="foreign text-bad">The collector says: {refusal}</span>}
    </span>
  );
}

function Numbers({ tail }: { readonly tail: LiveTail }) {
  const rate = tail.rate(useNow(1_000));
  const older = tail.total - tailLinesMax;
  return (
    <Figures>
      <Figure name="Events a second" value={formatRate(rate)} />
      <Figure name="Came" value={formatCount(tail.total)} exact={formatExact(tail.total)} />
      <Figure
        name="Dropped"
        value={formatCount(tail.lost)}
        exact={formatExact(tail.lost)}
        tone={tail.lost > 0 ? 'text-bad' : 'text-ink'}
      />
      {older > 0 && (
        <Figure name="Listed" value={`the newest ${formatExact(tailLinesMax)}; older ones are gone from here`} />
      )}
    </Figures>
  );
}
