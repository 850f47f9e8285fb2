import { useMemo } from 'react';
import type { Answers } from '../../api/client.js';
import { useAnswer } from '../../api/use-answer.js';
import { TimeChart } from '../../charts/time-chart.js';
import { formatCount, formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { EmptyNote } from '../../parts/notes.js';
import { Panel } from '../../parts/panel.js';
import type { TimeRange } from '../../parts/range-picker.js';
import { Stat, Stats } from '../../parts/stat.js';
import { Age } from '../../parts/time.js';
import { rangeKey, seriesBounds } from './agent-range.js';

type Memory = Answers['GetAgentMemoryAnswer'];

const refreshMs = 60_000;

/** What the agent stored in its memory and recalled from it, by UTC days. */
export function AgentMemory({ agentId, range }: { readonly agentId: string; readonly range: TimeRange }) {
  const answer = useAnswer(
    ['agent memory', agentId, rangeKey(range)],
    (api, signal) =>
      api.GET('/api/v1/monitoring/agents/{agent_id}/memory/stats', {
        params: {
          path: { agent_id: agentId },
          query: seriesBounds(range, { type: 'aggregated', nowMs: Date.now() }),
        },
        signal,
      }),
    { refreshMs },
  );
  return (
    <Panel title="Memory" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>
        {(memory) =>
          memory.last_activity === null ? (
            <EmptyNote>This agent has stored and recalled nothing.</EmptyNote>
          ) : (
            <Operations memory={memory} />
          )
        }
      </AnswerView>
    </Panel>
  );
}

function Operations({ memory }: { readonly memory: Memory }) {
  const { per_day } = memory;
  const times = useMemo(() => per_day.map(({ day }) => new Date(day)), [per_day]);
  const series = useMemo(
    () => [
      { name: 'Stored', tone: 'accent', values: per_day.map(({ stored }) => stored) },
      { name: 'Recalled', tone: 'busy', values: per_day.map(({ recalled }) => recalled) },
    ],
    [per_day],
  );
  return (
    <div className="flex flex-col gap-4">
      <Stats>
        <Stat
          name="Stored"
          value={formatCount(memory.stored)}
          exact={formatExact(memory.stored)}
          note={`${formatCount(memory.memories_stored_count)} of all time`}
        />
        <Stat
          name="Recalled"
          value={formatCount(memory.recalled)}
          exact={formatExact(memory.recalled)}
          note={`${formatCount(memory.memories_recalled_count)} of all time`}
        />
        <Stat name="Last" value={<Age at={memory.last_activity} />} />
      </Stats>
      {per_day.length > 1 && (
        <TimeChart
          label="Memory by day"
          times={times}
          series={series}
          kind="bars"
          stacked
          format={formatCount}
          height={120}
        />
      )}
    </div>
  );
}
