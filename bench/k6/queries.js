import { check } from 'k6';
import http from 'k6/http';
import { exactly } from './figures.js';
import { dueByRate, produce } from './producer.js';
import { framesPerSecond, graceMs, oneEach, settings } from './settings.js';

/** Reads beside ingest: the answers a page asks for, ten a second, while `rate` events a second arrive. */
const { connections, seconds, eventsPerFrame, ackMsMax } = settings;
const { total, due } = dueByRate(framesPerSecond, seconds);
const readsPerSecond = 10;
const readMsMax = 2_000;

/** By the name under which k6 counts them. */
const reads = {
  dashboard: () => '/metrics/dashboard',
  agents: () => '/agents?limit=20',
  'agent metrics': (agent) => `/agents/${agent}/metrics?time_range=1d&metric_type=realtime`,
  'agent live': (agent) => `/agents/${agent}/live`,
  tasks: (agent) => `/monitoring/tasks?agent_id=${agent}&limit=20`,
  runs: () => '/runs?limit=20',
  failures: () => '/failures/breakdown',
};
const readNames = Object.keys(reads);

export const options = {
  scenarios: {
    stream: oneEach('stream'),
    reads: {
      executor: 'constant-arrival-rate',
      exec: 'read',
      rate: readsPerSecond,
      duration: `${seconds}s`,
      preAllocatedVUs: 20,
      maxVUs: 50,
      gracefulStop: `${graceMs / 1_000}s`,
    },
  },
  thresholds: {
    ...exactly(connections * total * eventsPerFrame, ackMsMax ?? 1_000),
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
    // A threshold each, so that the summary tells them apart.
    ...Object.fromEntries(readNames.map((name) => [`http_req_duration{name:${name}}`, [`p(95)<${readMsMax}`]])),
  },
};

export function stream() {
  produce({ framesTotal: total, framesDue: due, seconds });
}

/** Those that the collector has listed; it answers 404 for one whose first events are not stored yet. */
let agents = [];

export function read() {
  const name = agents.length === 0 ? 'agents' : readNames[Math.floor(Math.random() * readNames.length)];
  const agent = agents[Math.floor(Math.random() * agents.length)];
  const answer = http.get(`${settings.httpUrl}/api/v1${reads[name](agent)}`, {
    headers: { Authorization: `Bearer ${settings.key}` },
    tags: { name },
  });
  check(answer, { 'a read is answered with 200': ({ status }) => status === 200 });
  if (answer.status !== 200) console.warn(`${name}: ${answer.status} ${answer.body}`);
  if (name === 'agents' && answer.status === 200) agents = answer.json('agents.#.agent_id') ?? [];
}
