/** What failed attempts are grouped by; a model or tool is the name of a step of that kind. */
export const failureGroupings = ['category', 'code', 'agent', 'model', 'tool'] as const;
export type FailureGrouping = (typeof failureGroupings)[number];

interface GroupingSql {
  /** The group of a failure, text; empty when it has none. */
  readonly key: string;
  /** Failures without such a group at all are left out. */
  readonly where: string;
}

export const groupingSql: Readonly<Record<FailureGrouping, GroupingSql>> = {
  category: { key: 'toString(error_category)', where: '1' },
  code: { key: 'toString(error_code)', where: '1' },
  agent: { key: 'toString(agent_id)', where: '1' },
  model: { key: 'toString(name)', where: "kind = 'step' AND step_kind = 'llm'" },
  tool: { key: 'toString(name)', where: "kind = 'step' AND step_kind = 'tool'" },
};
