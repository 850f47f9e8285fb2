import type { Answers } from '../../api/client.js';
import type { Answer } from '../../api/use-answer.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Panel } from '../../parts/panel.js';
import { HealthStatus } from '../../parts/status.js';
import { Age, Time } from '../../parts/time.js';
import { detailValue } from './detail-value.js';
import { type Dependency, detailName, remedyOf } from './remedies.js';

export type Health = Answers['GetDeepHealthAnswer'];

const says = {
  healthy: 'Everything works.',
  degraded: 'Events are accepted, but something is not as it should be.',
  unhealthy: 'Events are not accepted, or soon will not be.',
} as const;

export function HealthPanel({ answer }: { readonly answer: Answer<Health> }) {
  return (
    <Panel title="Health" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>
        {(health) => (
          <>
            <p className="mb-3 flex flex-wrap items-center gap-2">
              <HealthStatus status={health.status} />
              <span>{says[health.status]}</span>
              <span className="text-soft">
                {health.oldest_undelivered_at === null ? (
                  'No event waits for the store.'
                ) : (
                  <>
                    The oldest event that waits for the store came <Age at={health.oldest_undelivered_at} />.
                  </>
                )}
              </span>
            </p>
            <ul className="grid gap-x-8 xl:grid-cols-2">
              {health.dependencies.map((dependency) => (
                <DependencyItem key={dependency.name} dependency={dependency} />
              ))}
            </ul>
          </>
        )}
      </AnswerView>
    </Panel>
  );
}

function DependencyItem({ dependency }: { readonly dependency: Dependency }) {
  const { name, status, reason, details } = dependency;
  const remedy = remedyOf(dependency);
  return (
    <li className="border-t border-line py-2">
      <div className="flex items-center gap-2">
        <h3 className="font-medium">{name}</h3>
        <HealthStatus status={status} />
      </div>
      {reason !== null && <p className="foreign text-sm">{reason}</p>}
      {remedy !== null && <p className="rounded bg-warn-soft px-2 py-1 text-sm text-warn">What to do: {remedy}</p>}
      <dl className="flex flex-wrap gap-x-4 text-xs text-soft">
        {Object.entries(details).map(([detail, value]) => (
          <div key={detail} className="flex min-w-0 gap-1">
            <dt>{detailName(detail)}</dt>
            <dd className="foreign tabular text-ink">
              {isTime(value) ? <Time at={value} /> : detailValue(detail, value)}
            </dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
}
