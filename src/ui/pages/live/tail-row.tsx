import { memo } from 'react';
import { Link } from 'wouter';
import { formatDuration } from '../../format/durations.js';
import { formatClock, formatUtc } from '../../format/times.js';
import type { LiveEvent } from '../../live/live-messages.js';
import type { TailLine } from '../../live/live-tail.js';
import { CopyButton } from '../../parts/id.js';
import { links } from '../../routing/links.js';
import { textOf } from './event-text.js';

const columns = 'grid grid-cols-[6.5rem_9.5rem_minmax(5rem,1fr)_minmax(7rem,1.3fr)_minmax(8rem,3fr)_4.5rem] gap-x-3';

export function TailHeader() {
  return (
    <div aria-hidden="true" className={`${columns} border-b border-line px-2 pb-1 text-xs text-soft`}>
      <span>Received</span>
      <span>Event</span>
      <span>Agent</span>
      <span>Run or task</span>
      <span>What</span>
      <span className="text-end">Duration</span>
    </div>
  );
}

/** A line is a link to its run, or to its task or agent where it has none. */
export const TailRow = memo(({ line, wide }: { readonly line: TailLine | undefined; readonly wide: boolean }) => {
  if (line === undefined) return null;
  if ('gap' in line) {
    return (
      <p className="flex h-full items-center justify-center bg-warn-soft px-2 text-xs text-warn">
        <span className="truncate">{line.gap}</span>
      </p>
    );
  }
  return wide ? <WideRow event={line} /> : <NarrowRow event={line} />;
});

const row = 'relative h-full border-b border-line/50 px-2 text-sm hover:bg-raised [&_button]:relative [&_button]:z-10';

function WideRow({ event }: { readonly event: LiveEvent }) {
  const { text, bad } = textOf(event);
  return (
    <div className={`${columns} ${row} items-center`}>
      <Received event={event} />
      <Type event={event} />
      <bdi className="truncate">{event.agent_id}</bdi>
      <IdText event={event} />
      <bdi className={`truncate ${bad ? 'text-bad' : 'text-soft'}`} title={text}>
        {text}
      </bdi>
      <span className="tabular text-end text-soft">
        {event.duration_ms === undefined ? '' : formatDuration(event.duration_ms)}
      </span>
    </div>
  );
}

function NarrowRow({ event }: { readonly event: LiveEvent }) {
  const { text, bad } = textOf(event);
  return (
    <div className={`${row} flex flex-col justify-center`}>
      <div className="flex items-center gap-2">
        <Received event={event} />
        <Type event={event} />
        <bdi className="ms-auto min-w-0 truncate">{event.agent_id}</bdi>
      </div>
      <div className="flex items-center gap-2">
        <bdi className={`min-w-0 flex-1 truncate ${bad ? 'text-bad' : 'text-soft'}`}>{text}</bdi>
        <span className="max-w-[45%] min-w-0">
          <IdText event={event} />
        </span>
      </div>
    </div>
  );
}

function Received({ event }: { readonly event: LiveEvent }) {
  const received = new Date(event.received);
  const own = event.ts === undefined ? '' : `, of ${formatUtc(new Date(event.ts))}`;
  return (
    <time
      dateTime={event.received}
      title={`${formatUtc(received)}${own}`}
      className="tabular whitespace-nowrap text-soft"
    >
      {formatClock(received)}
    </time>
  );
}

const tones: Readonly<Record<string, string>> = {
  failed: 'text-bad',
  completed: 'text-good',
  started: 'text-busy',
  running: 'text-busy',
};

function Type({ event: { type, attempt, ...event } }: { readonly event: LiveEvent }) {
  const tone = tones[type.slice(type.indexOf('.') + 1)] ?? 'text-ink';
  return (
    <span className="truncate">
      <Link href={placeOf(event)} className={`font-medium after:absolute after:inset-0 ${tone}`}>
        {type}
      </Link>
      {attempt !== undefined && attempt > 1 && <span className="text-soft">{` try ${attempt}`}</span>}
    </span>
  );
}

function placeOf({ agent_id, run_id, task_id }: Pick<LiveEvent, 'agent_id' | 'run_id' | 'task_id'>): string {
  if (run_id !== undefined) return links.run(run_id);
  return task_id === undefined ? links.agent(agent_id) : links.task({ task_id, agent_id });
}

function IdText({ event }: { readonly event: LiveEvent }) {
  const id = event.run_id ?? event.task_id;
  if (id === undefined) return <span />;
  return (
    <span className="flex min-w-0 items-center gap-1">
      <bdi className="truncate font-mono text-[0.92em]" title={id}>
        {id}
      </bdi>
      <CopyButton text={id} label="Copy id" />
    </span>
  );
}
