import { createTemplates, terminalEvents } from '../payload.js';
import { settings } from './settings.js';

const agentsPerConnection = 5;
/** One, because k6 takes a while to make it; it is written over before it is sent again. */
const templatesPerConnection = 1;

function fleetName(connection) {
  return `${settings.token}-${connection}`;
}

/** The agents that a connection sends for. */
export function agentsOf(connection) {
  const events = terminalEvents(agentsPerConnection, { seed: 1, count: 500, fleet: fleetName(connection) });
  return [...new Set(events.map(({ agent_id }) => agent_id))];
}

/** Frames of a connection, encoded before the clock runs; no two events that are sent are the same. */
export function framesOf(connection) {
  const { token, eventsPerFrame } = settings;
  const fleet = fleetName(connection);
  return createTemplates({
    format: 'positional',
    agents: agentsPerConnection,
    eventsPerFrame,
    templates: templatesPerConnection,
    token: `${token}${connection}`,
    connection,
    fleet,
  });
}
