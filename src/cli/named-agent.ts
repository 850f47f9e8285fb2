import type { ApiClient } from './frame/api-client.js';
import { CommandError, misused } from './frame/command-error.js';
import { exitCodes } from './frame/exit-codes.js';
import { readPages } from './frame/pages.js';

/** Ids that an error lists. */
const listedMax = 5;

/**
 * What `ask` answers about the agent of an id, or about the only one of that name: names are looked up when there is no
 * such id, in as much of the list of agents as `--all` shows. Throws CommandError `misused` for a name of several.
 */
export async function askOfAgent<Body>(
  api: ApiClient,
  idOrName: string,
  ask: (agentId: string) => Promise<Body>,
): Promise<Body> {
  try {
    return await ask(idOrName);
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== exitCodes.notFound) throw error;
    const agentId = await idOfName(api, idOrName);
    if (agentId === null) throw error;
    return await ask(agentId);
  }
}

async function idOfName(api: ApiClient, name: string): Promise<string | null> {
  const choice = { limit: 100, cursor: undefined, all: true };
  const { rows, nextCursor } = await readPages(choice, {
    read: (query) => api.get('/api/v1/agents', { query }),
    rowsOf: ({ agents }) => agents,
  });
  const ids = rows.filter((agent) => agent.agent_name === name).map((agent) => agent.agent_id);
  const [id = null] = ids;
  if (ids.length > 1) {
    const more = ids.length > listedMax ? `, and ${ids.length - listedMax} more` : '';
    throw misused(
      `cannot tell which agent is meant: ${ids.length} are called ${name}; give the id: ` +
        `${ids.slice(0, listedMax).join(', ')}${more}`,
    );
  }
  // Another one of the name may come behind those that were looked at.
  if (nextCursor !== null) {
    throw misused(`cannot look up the name ${name} among more than ${rows.length} agents: give the id`);
  }
  return id;
}
