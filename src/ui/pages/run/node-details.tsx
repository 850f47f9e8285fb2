import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { formatDuration } from '../../format/durations.js';
import { unknown } from '../../format/numbers.js';
import { AnswerView } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { Id } from '../../parts/id.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import type { TimelineNode } from './timeline-nodes.js';
import { UsageFacts } from './usage-facts.js';
import type { RunView } from './use-run-view.js';
import { workKind, workName } from './work-look.js';

/** Beside the drawing, under it on a narrow screen. */
const place = 'w-full max-lg:max-h-[50%] max-lg:border-t lg:w-96 lg:border-s';

/** All that is known of one node, beside the drawing. */
export function NodeDetails({
  node,
  siblings,
  runId,
  view,
}: {
  readonly node: TimelineNode;
  /** Its attempts, itself among them. */
  readonly siblings: readonly TimelineNode[];
  readonly runId: string;
  readonly view: RunView;
}) {
  return (
    <aside
      aria-label="Details"
      className={`flex shrink-0 flex-col gap-3 overflow-y-auto border-line bg-panel p-4 text-sm ${place}`}
    >
      <div className="flex items-start justify-between gap-2">
        <h2 className="foreign min-w-0 font-semibold">{workName(node)}</h2>
        <Button look="quiet" aria-label="Close the details" onClick={() => view.select('')}>
          ×
        </Button>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <Status status={node.status} />
        <span className="text-soft">
          {workKind(node)}
          {siblings.length > 1 && `, attempt ${node.attempt ?? 1} of ${siblings.length}`}
        </span>
      </div>
      {siblings.length > 1 && <AttemptLinks node={node} siblings={siblings} view={view} />}
      {node.status === 'failed' && <FailureFacts node={node} runId={runId} />}
      <NodeFacts node={node} />
      <UsageFacts name="Its own" usage={node.own} />
      {node.type !== 'step' && <UsageFacts name="With all below it" usage={node.total} />}
      {node.rolled_up !== null && <UsageFacts name="Reported as the sum of what is below" usage={node.rolled_up} />}
      {node.task_id !== null && <TaskValues node={node} runId={runId} />}
    </aside>
  );
}

function AttemptLinks({
  node,
  siblings,
  view,
}: {
  readonly node: TimelineNode;
  readonly siblings: readonly TimelineNode[];
  readonly view: RunView;
}) {
  return (
    <ul aria-label="Attempts" className="flex flex-wrap gap-1.5">
      {siblings.map((attempt) => (
        <li key={attempt.node}>
          <Button
            aria-pressed={attempt === node}
            look={attempt === node ? 'main' : 'plain'}
            onClick={() => view.select(attempt.node)}
          >
            {attempt.attempt ?? 1} {attempt.status}, {formatDuration(attempt.duration_ms)}
          </Button>
        </li>
      ))}
    </ul>
  );
}

function FailureFacts({ node, runId }: { readonly node: TimelineNode; readonly runId: string }) {
  const filter = { category: node.error_category, code: node.error_code, agent_id: node.agent_id };
  return (
    <div className="flex flex-col gap-1 rounded-md bg-bad-soft p-2 text-bad">
      <p className="foreign font-medium">
        {node.error_category ?? 'failed'}
        {node.error_code !== null && `: ${node.error_code}`}
      </p>
      {node.error_preview !== null && <p className="foreign">{node.error_preview}</p>}
      <p className="flex gap-3">
        <Link href={links.failures(filter)} className="underline">
          Failures like it
        </Link>
        <Link href={links.failures({ run_id: runId })} className="underline">
          Failures of this run
        </Link>
      </p>
    </div>
  );
}

function NodeFacts({ node }: { readonly node: TimelineNode }) {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Started', <Time key="s" at={node.started_at} />],
    ['Ended', <Time key="e" at={node.ended_at} />],
    ['Took', formatDuration(node.duration_ms)],
    ['After the start of the run', formatDuration(node.offset_ms)],
    ['On the critical path', node.critical ? `${formatDuration(node.critical_ms)} of its own` : 'no'],
    ['Model', node.model],
    ['Provider', node.provider],
    ['Finished because', node.finish_reason],
    ['Environment', node.environment],
    ['Arguments', node.args_hash],
    ['Agent', node.agent_id === null ? null : <Id key="a" id={node.agent_id} href={links.agent(node.agent_id)} />],
    ['Task', node.task_id === null ? null : <Id key="t" id={node.task_id} />],
    ['Step', node.step_id === null ? null : <Id key="p" id={node.step_id} />],
  ];
  return (
    <dl className="grid grid-cols-[8.5rem_minmax(0,1fr)] gap-x-3 gap-y-1">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className="foreign min-w-0">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** Inputs and outputs are asked for with the task, when somebody looks at it. */
function TaskValues({ node, runId }: { readonly node: TimelineNode; readonly runId: string }) {
  const taskId = node.task_id ?? '';
  const task = useAnswer(['task', taskId, runId], (api, signal) =>
    api.GET('/api/v1/monitoring/tasks/{task_id}', {
      params: { path: { task_id: taskId }, query: { run_id: runId } },
      signal,
    }),
  );
  return (
    <div className="flex flex-col gap-3">
      <Link href={links.task({ task_id: taskId, run_id: runId })} className="text-accent hover:underline">
        The whole task
      </Link>
      <AnswerView answer={task}>{(data) => <Values {...valuesOf(data, node)} />}</AnswerView>
    </div>
  );
}

interface ValuesProps {
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** In full, where the timeline has its beginning only. */
  readonly message: string | null;
}

function valuesOf(task: Answers['Task'], node: TimelineNode): ValuesProps {
  const attempt = node.attempt ?? 1;
  const found =
    node.type === 'step'
      ? task.steps.find((step) => step.step_id === node.step_id && (step.attempt ?? 1) === attempt)
      : (task.attempts.find((one) => (one.attempt ?? 1) === attempt) ?? task);
  return { inputs: found?.inputs ?? {}, outputs: found?.outputs ?? {}, message: found?.error_message ?? null };
}

function Values({ inputs, outputs, message = null }: Partial<ValuesProps> & Omit<ValuesProps, 'message'>) {
  return (
    <>
      {message !== null && (
        <div>
          <h3 className="text-xs text-soft">Error message</h3>
          <p className="foreign whitespace-pre-wrap">{message}</p>
        </div>
      )}
      <ValueTable name="Inputs" values={inputs} />
      <ValueTable name="Outputs" values={outputs} />
    </>
  );
}

function ValueTable({ name, values }: { readonly name: string; readonly values: Readonly<Record<string, string>> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <div>
      <h3 className="text-xs text-soft">{name}</h3>
      <dl className="grid grid-cols-[minmax(5rem,auto)_minmax(0,1fr)] gap-x-3 gap-y-0.5">
        {entries.map(([key, value]) => (
          <div key={key} className="contents">
            <dt className="foreign text-soft">{key}</dt>
            <dd className="foreign">{value === '' ? unknown : value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
