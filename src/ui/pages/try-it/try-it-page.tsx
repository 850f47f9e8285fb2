import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useSession } from '../../api/session.js';
import type { LiveEvent, LiveMessage } from '../../live/live-messages.js';
import { useLive } from '../../live/use-live.js';
import { Spinner } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { Id } from '../../parts/id.js';
import { Page } from '../../parts/page.js';
import { Panel } from '../../parts/panel.js';
import { links } from '../../routing/links.js';
import { CodeBlock } from './code-block.js';
import { firstEvents } from './first-events.js';

const noKey = 'A_KEY_WITH_THE_SCOPE_INGEST';
const everything = {};

/** What to send first, ready to be copied, and whether it has come. */
export function TryItPage() {
  const { key, may, who } = useSession();
  const [shown, setShown] = useState(false);
  const visit = useMemo(() => crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36), []);
  const programs = useMemo(() => firstEvents({ address: window.location.origin, visit }), [visit]);
  const used = may('ingest') ? key : noKey;
  return (
    <Page
      title="Try it"
      actions={
        may('ingest') && (
          <Button aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? 'Hide the key' : 'Show the key'}
          </Button>
        )
      }
    >
      <p className="max-w-prose">
        Each of these sends the same small run to this collector: a start, a task that completed, and an end. Copy one
        and run it; this page says when it has come.
      </p>
      {!may('ingest') && (
        <p className="max-w-prose rounded-md bg-warn-soft px-3 py-2 text-warn">
          Your key may not send events. Put one with the scope ingest in its place; it is made with{' '}
          <code className="font-mono">npx tidemark keys create --tenant {who.tenant} --scope ingest</code>.
        </p>
      )}
      <Arrival visit={visit} />
      {programs.map(({ name, how, text }) => (
        <Panel key={name} title={name} aside={<span>{how}</span>}>
          <CodeBlock
            label={`Copy the ${name} example`}
            shown={text(shown || !may('ingest') ? used : '•'.repeat(12))}
            copied={text(used)}
          />
        </Panel>
      ))}
      <p className="max-w-prose text-soft">
        The answer is 202 once the events are on disk; in the store they are about a second later. What is sent twice
        counts once. Agents are written with the SDKs for TypeScript (tidemark/sdk) and Python (tidemark), which number,
        batch and resend by themselves.
      </p>
    </Page>
  );
}

interface Came {
  readonly count: number;
  /** Of this page's programs if one has come, else the first of any. */
  readonly event: LiveEvent;
  readonly isOwn: boolean;
}

/** Listens, and says what has come. */
function Arrival({ visit }: { readonly visit: string }) {
  const [came, setCame] = useState<Came | null>(null);
  const state = useLive(everything, (message: LiveMessage) => {
    if (message.op !== 'events' || message.events.length === 0) return;
    const own = message.events.find(({ run_id }) => run_id?.startsWith(`try-${visit}-`));
    setCame((before) => {
      const first = before?.event ?? message.events[0]!;
      const isOwn = before?.isOwn === true || own !== undefined;
      const event = before?.isOwn === true ? before.event : (own ?? first);
      return { count: (before?.count ?? 0) + message.events.length, event, isOwn };
    });
  });
  const look = came === null ? 'border-line bg-panel' : 'border-good bg-good-soft';
  return (
    <div role="status" className={`flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border px-4 py-3 ${look}`}>
      {came === null ? (
        <>
          <Spinner />
          <span>
            {state === 'open' ? 'Waiting for the first event' : 'Not listening: the collector cannot be reached'}
          </span>
        </>
      ) : (
        <HasCome {...came} />
      )}
    </div>
  );
}

function HasCome({ count, event, isOwn }: Came) {
  const { agent_id, run_id, task_id } = event;
  return (
    <>
      <span className="font-medium text-good">
        {isOwn ? 'The first event has arrived' : 'The first event has arrived, of another sender'}
      </span>
      <span className="flex min-w-0 items-center gap-1">
        {run_id !== undefined ? (
          <>
            Run <Id id={run_id} href={links.run(run_id)} />
          </>
        ) : task_id !== undefined ? (
          <>
            Task <Id id={task_id} href={links.task({ task_id, agent_id })} />
          </>
        ) : (
          <>
            Agent <Id id={agent_id} href={links.agent(agent_id)} />
          </>
        )}
      </span>
      <span className="tabular text-soft">{count === 1 ? '1 event so far' : `${count} events so far`}</span>
      <Link href={links.live()} className="text-accent hover:underline">
        See them come
      </Link>
    </>
  );
}
