import { useAnswer } from '../../api/use-answer.js';
import { formatCount, formatExact, formatPercent } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Page } from '../../parts/page.js';
import { Panel } from '../../parts/panel.js';
import { Stat, Stats } from '../../parts/stat.js';

export function OverviewPage() {
  const dashboard = useAnswer(['dashboard'], (api, signal) => api.GET('/api/v1/metrics/dashboard', { signal }), {
    refreshMs: 10_000,
  });
  return (
    <Page title="Overview">
      <Panel title="Executions" aside={<AsOf answer={dashboard} />}>
        <AnswerView answer={dashboard}>
          {({ executions, average_success_rate }) => (
            <Stats>
              {(['24h', '7d', '30d'] as const).map((window) => (
                <Stat
                  key={window}
                  name={window}
                  value={formatCount(executions[window].total_executions)}
                  exact={formatExact(executions[window].total_executions)}
                />
              ))}
              <Stat name="Success, 30 d" value={formatPercent(average_success_rate)} />
            </Stats>
          )}
        </AnswerView>
      </Panel>
    </Page>
  );
}
