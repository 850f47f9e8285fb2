import { useAnswer } from '../../api/use-answer.js';
import { useFirstEvent } from '../../live/use-first-event.js';
import { AnswerView } from '../../parts/answer-view.js';
import { NoEventsNote } from '../../parts/nothing-here.js';
import { Page } from '../../parts/page.js';
import { IssuesPanel, TopAgentsPanel } from './agent-panels.js';
import { NowStrip } from './now-strip.js';
import { RunningPanel } from './running-panel.js';
import { TrendCharts } from './trend-charts.js';
import { useRunningRuns } from './use-running-runs.js';
import { WindowPanels } from './window-panels.js';

const refreshMs = 10_000;

export function OverviewPage() {
  const dashboard = useAnswer(['dashboard'], (api, signal) => api.GET('/api/v1/metrics/dashboard', { signal }), {
    refreshMs,
  });
  const { data, retry } = dashboard;
  const isEmpty = data !== undefined && data.total_agents === 0;
  useFirstEvent(isEmpty, retry);
  const { running, state } = useRunningRuns();
  return (
    <Page title="Overview">
      <NowStrip dashboard={data} running={running} state={state} />
      <AnswerView answer={dashboard}>
        {() =>
          isEmpty ? (
            <NoEventsNote />
          ) : (
            <div className="flex flex-col gap-4">
              <WindowPanels dashboard={dashboard} />
              <div className="grid gap-4 min-[80rem]:grid-cols-2">
                <IssuesPanel dashboard={dashboard} />
                <RunningPanel running={running} state={state} />
              </div>
              <TrendCharts dashboard={dashboard} />
              <TopAgentsPanel dashboard={dashboard} />
            </div>
          )
        }
      </AnswerView>
    </Page>
  );
}
