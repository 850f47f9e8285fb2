import type { LiveWindows, WindowName } from '../core/ports/live-windows.js';
import { turnOfOthers } from '../core/turn-of-others.js';
import { type AgentKey, header } from './agent-executions.js';
import { agentMetrics } from './metrics-reference.js';

/** Windows on the page: one that alerts can follow and one that is steady. The others are in the live API. */
const pageWindows: readonly WindowName[] = ['5m', '1h'];
/** Agents read before the event loop gets a turn: about a millisecond of a busy collector. */
const agentsPerTurn = 4;

/** Success rates and quantiles of the rolling windows in the text format; nothing for a window without executions. */
export async function renderAgentWindows(windows: LiveWindows, agents: readonly AgentKey[]): Promise<string> {
  let rates = header(agentMetrics.successRate);
  let quantiles = header(agentMetrics.durationQuantile);
  for (let index = 0; index < agents.length; index++) {
    const { tenant, agentId, labels } = agents[index]!;
    for (const window of pageWindows) {
      const snapshot = windows.snapshot(tenant, agentId, window);
      if (snapshot === undefined) break;
      const { successRate, duration } = snapshot;
      const windowLabels = `${labels},window="${window}"`;
      if (successRate !== null) rates += `${agentMetrics.successRate.name}{${windowLabels}} ${successRate}\n`;
      quantiles +=
        quantileLine(windowLabels, '0.5', duration.p50) +
        quantileLine(windowLabels, '0.95', duration.p95) +
        quantileLine(windowLabels, '0.99', duration.p99);
    }
    if (index % agentsPerTurn === agentsPerTurn - 1) await turnOfOthers();
  }
  return rates + quantiles;
}

function quantileLine(labels: string, quantile: string, valueMs: number | null): string {
  return valueMs === null
    ? ''
    : `${agentMetrics.durationQuantile.name}{${labels},quantile="${quantile}"} ${valueMs / 1000}\n`;
}
