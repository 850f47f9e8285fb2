/** Addresses of the pages. Ids are anything, slashes included, so each is encoded. */
export const links = {
  overview: () => '/',
  agents: () => '/agents',
  agent: (agentId: string) => `/agents/${encodeURIComponent(agentId)}`,
  runs: (filter: Filter = {}) => `/runs${queryOf(filter)}`,
  run: (runId: string, view: Filter = {}) => `/runs/${encodeURIComponent(runId)}${queryOf(view)}`,
  tasks: (filter: Filter = {}) => `/tasks${queryOf(filter)}`,
  /** A task's id is of its run, or of its agent where it has none. */
  task: (task: { readonly task_id: string; readonly run_id?: string | null; readonly agent_id?: string | null }) =>
    `/tasks/${encodeURIComponent(task.task_id)}${queryOf(ownerOf(task))}`,
  failures: (filter: Filter = {}) => `/failures${queryOf(filter)}`,
  patterns: (filter: Filter = {}) => `/patterns${queryOf(filter)}`,
  pattern: (patternId: string) => `/patterns/${encodeURIComponent(patternId)}`,
  live: (filter: Filter = {}) => `/live${queryOf(filter)}`,
  system: () => '/system',
  tryIt: () => '/try',
} as const;

function ownerOf({ run_id, agent_id }: { readonly run_id?: string | null; readonly agent_id?: string | null }): Filter {
  return run_id ? { run_id } : { agent_id };
}

export type Filter = Readonly<Record<string, string | null | undefined>>;

function queryOf(filter: Filter): string {
  const given = Object.entries(filter).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** The last part of the address, which is an id: decoded once, as it was encoded once. */
export function idOfAddress(): string {
  const part = window.location.pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
