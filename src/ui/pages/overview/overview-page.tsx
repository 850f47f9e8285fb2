import { useState } from 'react';
import { Link } from 'wouter';
import { useAnswer } from '../../api/use-answer.js';
import { AnswerView } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Page } from '../../parts/page.js';
import { links } from '../../routing/links.js';
import { IssuesPanel, TopAgentsPanel } from './agent-panels.js';
import { NowStrip } from './now-strip.js';
import { RunningPanel } from './running-panel.js';
import { TrendCharts } from './trend-charts.js';
import { useRunningRuns } from './use-running-runs.js';
import { WindowPanels } from './window-panels.js';

const refreshMs = 10_000;
/** Between the first event and its row in the store there is a second or so. */
const firstRefreshMs = 1_000;

export function OverviewPage() {
  const [isComing, setIsComing] = useState(false);
  const dashboard = useAnswer(['dashboard'], (api, signal) => api.GET('/api/v1/metrics/dashboard', { signal }), {
    refreshMs: isComing ? firstRefreshMs : refreshMs,
  });
  const { data } = dashboard;
  const isEmpty = data !== undefined && data.total_agents === 0;
  if (isComing && data !== undefined && !isEmpty) setIsComing(false);
  const { running, state } = useRunningRuns(isEmpty, () => setIsComing(true));
  return (
    <Page title="Overview">
      <NowStrip dashboard={data} running={running} state={state} />
      <AnswerView answer={dashboard}>
        {() =>
          isEmpty ? (
            <EmptyNote>
              No agent has sent an event yet.{' '}
              <Link href={links.tryIt()} className="text-accent hover:underline">
                Send the first ones
              </Link>
              : this page shows them by itself.
            </EmptyNote>
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
