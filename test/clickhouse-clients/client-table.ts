import { features, type Outcome, type SuiteName, suites } from './outcome.js';

/** The table of docs/clickhouse-clients.md: a line a client, a column a feature. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const names = Object.keys(features);
  const lines = Object.values(suites).flatMap(({ clients }) =>
    clients.map((client) => {
      const cells = names.map((feature) => cellOf(outcomes, client, feature));
      return `| ${client} | ${cells.join(' | ')} |`;
    }),
  );
  return [`| client | ${names.join(' | ')} |`, `| --- |${' --- |'.repeat(names.length)}`, ...lines].join('\n');
}

export function clientsOf(name: SuiteName): readonly string[] {
  return suites[name].clients;
}

function cellOf(outcomes: readonly Outcome[], client: string, feature: string): string {
  const found = outcomes.filter((outcome) => outcome.client === client && outcome.feature === feature);
  if (found.length === 0) return '';
  return found.every(({ ok }) => ok) ? 'yes' : 'no';
}
