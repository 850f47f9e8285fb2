import { failedModel } from './failure-filter.js';

/** What failed attempts are grouped by; a tool is the name of a step of that kind. */
export const failureGroupings = ['category', 'code', 'agent', 'model', 'provider', 'tool', 'environment'] as const;
export type FailureGrouping = (typeof failureGroupings)[number];

interface GroupingSql {
  /** The group of a failure, text; empty when it has none. */
  readonly key: string;
  /** Failures without such a group at all are left out. */
  readonly where: string;
}

/** Has to do with a model, whether it was told or not. */
const ofModel = "(kind = 'step' AND step_kind = 'llm' OR model != '' OR provider != '')";

export const groupingSql: Readonly<Record<FailureGrouping, GroupingSql>> = {
  category: { key: 'toString(error_category)', where: '1' },
  code: { key: 'toString(error_code)', where: '1' },
  agent: { key: 'toString(agent_id)', where: '1' },
  model: { key: `toString(${failedModel})`, where: ofModel },
  provider: { key: 'toString(provider)', where: ofModel },
  tool: { key: 'toString(name)', where: "kind = 'step' AND step_kind = 'tool'" },
  environment: { key: 'toString(environment)', where: '1' },
};
