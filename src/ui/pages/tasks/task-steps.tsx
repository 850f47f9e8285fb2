import { useMemo } from 'react';
import type { Answers } from '../../api/client.js';
import { formatDuration } from '../../format/durations.js';
import { Panel } from '../../parts/panel.js';
import { Status } from '../../parts/status.js';
import { type Column, Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { useUrlState } from '../../routing/use-url-state.js';
import { Cost, TokenCount } from '../../work/row-cells.js';
import { ValueTable } from '../../work/value-table.js';
import { type StepGroup, stepGroups } from './step-groups.js';
import type { Task } from './task-facts.js';

type StepAttempt = Answers['StepAttempt'];

/** The steps of a task, the attempts of one folded into a line; which are open is in the address. */
export function TaskSteps({ task }: { readonly task: Task }) {
  const groups = useMemo(() => stepGroups(task.steps), [task.steps]);
  const url = useUrlState();
  const open = url
    .get('open')
    .split(',')
    .filter((part) => part !== '');
  const toggle = (id: string) => {
    const name = encodeURIComponent(id);
    const next = open.includes(name) ? open.filter((one) => one !== name) : [...open, name];
    url.set({ open: next.join(',') }, { replace: true });
  };
  return (
    <Panel title="Steps">
      {groups.length === 0 ? (
        <p className="text-sm text-soft">{task.steps_expired ? 'Its steps are gone.' : 'The task has no steps.'}</p>
      ) : (
        <ul aria-label="Steps" className="-mx-4 -mb-4 border-t border-line">
          {groups.map((group) => (
            <StepLine
              key={group.step_id}
              group={group}
              isOpen={open.includes(encodeURIComponent(group.step_id))}
              onToggle={() => toggle(group.step_id)}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function StepLine({
  group,
  isOpen,
  onToggle,
}: {
  readonly group: StepGroup;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const { last, attempts, usage, step_id: id } = group;
  const failed = attempts.filter(({ status }) => status === 'failed').length;
  return (
    <li className="border-b border-line last:border-0">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={onToggle}
        className="flex w-full flex-wrap items-center gap-x-3 px-4 py-1.5 text-start text-sm hover:bg-raised/60"
      >
        <span aria-hidden="true" className="w-3 text-soft">
          {isOpen ? '▾' : '▸'}
        </span>
        <Status status={last.status} />
        <bdi className="max-w-full min-w-0 flex-1 basis-32 truncate" title={last.name ?? id}>
          {last.name ?? id}
        </bdi>
        {attempts.length > 1 && (
          <span className={`text-xs ${failed > 0 ? 'text-bad' : 'text-soft'}`}>
            {`${attempts.length} attempts, ${failed} failed`}
          </span>
        )}
        <span className="text-xs text-soft">
          <bdi>{[last.kind, last.model].filter((part) => part !== null).join(' · ')}</bdi>
        </span>
        {usage.tokens.total > 0 && (
          <span className="text-xs text-soft">
            <TokenCount tokens={usage.tokens} /> tokens,{' '}
            <Cost cents={usage.costCents} unpriced={usage.tokensUnpriced} />
          </span>
        )}
        <span className="tabular w-16 text-end">{formatDuration(group.tookMs)}</span>
      </button>
      {isOpen && (
        <ul className="flex flex-col gap-2 bg-ground/60 px-4 py-3">
          {attempts.map((attempt) => (
            <StepAttemptFacts key={attempt.attempt ?? 0} attempt={attempt} of={attempts.length} />
          ))}
        </ul>
      )}
    </li>
  );
}

function StepAttemptFacts({ attempt, of }: { readonly attempt: StepAttempt; readonly of: number }) {
  const facts = [
    ['Step', attempt.step_id],
    ['Below', attempt.parent_id],
    ['Provider', attempt.provider],
    ['Environment', attempt.environment],
    ['Finished because', attempt.finish_reason],
    ['Arguments', attempt.args_hash],
  ].filter((fact): fact is [string, string] => fact[1] !== null);
  return (
    <li className="rounded-md border border-line bg-panel p-3 text-sm">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Status status={attempt.status} />
        {of > 1 && <span>{`Attempt ${attempt.attempt ?? 1}`}</span>}
        <Time at={attempt.started_at} />
        <span className="tabular">{formatDuration(attempt.duration_ms)}</span>
        <span className="text-soft">
          <TokenCount tokens={attempt.tokens} /> tokens{' '}
          <Cost cents={attempt.cost_cents} unpriced={attempt.tokens_unpriced} />
          {attempt.usage_scope === 'rolled_up' && ', the sum of what is below'}
        </span>
      </p>
      {attempt.error_category !== null && (
        <p className="foreign mt-1 whitespace-pre-wrap text-bad">
          {[attempt.error_category, attempt.error_code, attempt.error_message]
            .filter((part) => part !== null)
            .join(': ')}
        </p>
      )}
      <dl className="mt-1 flex flex-wrap gap-x-5 gap-y-0.5 text-xs">
        {facts.map(([name, value]) => (
          <div key={name} className="flex max-w-full min-w-0 gap-1.5">
            <dt className="text-soft">{name}</dt>
            <dd className="foreign min-w-0">{value}</dd>
          </div>
        ))}
      </dl>
      <Values name="Inputs" values={attempt.inputs} />
      <Values name="Outputs" values={attempt.outputs} />
    </li>
  );
}

function Values({ name, values }: { readonly name: string; readonly values: Readonly<Record<string, string>> }) {
  if (Object.keys(values).length === 0) return null;
  return (
    <div className="mt-2">
      <h3 className="text-xs text-soft">{name}</h3>
      <ValueTable label={`${name} of the step`} values={values} empty="" />
    </div>
  );
}

type TaskAttempt = Answers['TaskAttempt'];

const attemptColumns: readonly Column<TaskAttempt>[] = [
  { name: 'Attempt', cell: ({ attempt }) => attempt ?? 1 },
  { name: 'Status', cell: ({ status }) => <Status status={status} /> },
  { name: 'Started', wideOnly: true, cell: ({ started_at: at }) => <Time at={at} /> },
  { name: 'Took', number: true, cell: ({ duration_ms: ms }) => formatDuration(ms) },
  { name: 'Model', wideOnly: true, cell: ({ model }) => <bdi className="foreign">{model ?? '–'}</bdi> },
  { name: 'Tokens', number: true, wideOnly: true, cell: ({ tokens }) => <TokenCount tokens={tokens} /> },
  {
    name: 'Cost',
    number: true,
    wideOnly: true,
    cell: ({ cost_cents: cents, tokens_unpriced: unpriced }) => <Cost cents={cents} unpriced={unpriced} />,
  },
  {
    name: 'Error',
    cell: ({ error_category: category, error_code: code, error_message: message }) => (
      <span className="foreign text-bad">{[category, code, message].filter((part) => part !== null).join(': ')}</span>
    ),
  },
];

/** The attempts of the task itself, where there are several. */
export function TaskAttempts({ task }: { readonly task: Task }) {
  if (task.attempts.length < 2) return null;
  return (
    <Panel title="Attempts">
      <Table
        label="Attempts of the task"
        columns={attemptColumns}
        rows={task.attempts}
        rowKey={({ attempt, started_at: at }) => `${attempt} ${at}`}
      />
    </Panel>
  );
}
