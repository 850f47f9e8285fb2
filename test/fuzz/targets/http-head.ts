import { ok } from 'node:assert/strict';
import { CollectorError } from '../../../src/core/errors.js';
import { askingSite, hostNames, refuseSite, type SitePolicy } from '../../../src/core/request-site.js';
import { parseCredentials } from '../../../src/http/credentials.js';
import { createQueryApi } from '../../api/api-client.js';
import { type FuzzTarget, message, splitMessage } from '../fuzz-target.js';

const policies: readonly SitePolicy[] = (['refused', 'with_key'] as const).flatMap((unknownHosts) =>
  [true, false].map((links) => ({
    hosts: hostNames(['collector.internal', 'tidemark:7077']),
    allowsOrigin: (origin) => origin === 'https://ui.example',
    unknownHosts,
    links,
  })),
);

/** `GET /path?query` and headers: who asks, from where, and the parameters of every endpoint that only reads. */
export function openTarget(): FuzzTarget {
  let reached = 0;
  const away = () => {
    reached++;
    return Promise.reject(new CollectorError('store_unreachable', 'this store is never there'));
  };
  const doers = { eraser: { erase: away }, finalizer: { finalize: away }, intake: { accept: away } };
  const api = createQueryApi({ store: { rows: away }, exporter: { export: away }, ...doers }, { rangeDaysMax: 400 });
  return {
    async run(bytes) {
      const { first, headers, body } = splitMessage(bytes);
      const [method = '', target = ''] = first.split(' ', 2);
      checkWho(method, headers);
      if (!target.startsWith('/') || target.startsWith('//') || target.length > targetCharactersMax) return undefined;
      const before = reached;
      const answer = await ask(method, target, body.toString('utf8'));
      if (answer === null) return undefined;
      const { status } = answer;
      const fits = status < 500 || (status === 503 && reached > before) || target.includes('/health');
      ok(fits, `${method} ${target}: ${status}`);
      return undefined;
    },
    seeds,
    words,
    bytesMax: 4_096,
    isTimed: true,
  };

  /** Null for a path that is none: that is the router's to say, by throwing here. */
  async function ask(method: string, target: string, body: string) {
    try {
      if (method === 'POST') return await api.post('acme', target, body);
      return method === 'DELETE' ? await api.delete('acme', target) : await api.get('acme', target);
    } catch (error) {
      if (error instanceof Error && /^no route for |^Invalid URL/.test(error.message)) return null;
      throw error;
    }
  }
}

/** As the server bounds it. */
const targetCharactersMax = 16_384;

function checkWho(method: string, headers: ReadonlyMap<string, string>): void {
  const { authorization, protocols } = parseCredentials(headers);
  ok(authorization === undefined || typeof authorization === 'string');
  ok(protocols.every((protocol) => !protocol.startsWith('tidemark.key.') && protocol !== ''));
  const site = askingSite(method, (name) => headers.get(name));
  for (const policy of policies) {
    const refusal = refuseSite(site, policy);
    // Whatever else a page sends: an origin that is neither allowed nor names the host asked for stays outside.
    const foreign = site.origin !== undefined && site.origin !== 'https://ui.example';
    const own = foreign && site.origin.toLowerCase().includes(nameOf(site.host));
    if (foreign && !own) ok(refusal !== null, `the origin ${site.origin} was let in to ${site.host}`);
  }
}

/** Of a host that has one. */
function nameOf(host: string | undefined): string {
  const name = /^(\[[^\]]*\]|[^:]*)/.exec(host?.toLowerCase() ?? '')?.[1]?.replace(/\.$/, '') ?? '';
  return name === '' ? '\n' : name;
}

const words = [
  'GET /api/v1/agents/',
  '?time_range=30d',
  'metric_type=aggregated',
  'from=2026-01-01',
  'to=2026-13-01T00:00:00Z',
  'start_date_from=',
  'cursor=',
  'limit=100',
  'host: ',
  'origin: https://',
  'sec-fetch-site: cross-site',
  'sec-websocket-protocol: tidemark.v1, tidemark.key.',
  'authorization: Bearer ',
];

function seeds(): Uint8Array[] {
  const targets = [
    'agents?limit=5&offset=1',
    'agents/a%20b/metrics?time_range=7d&metric_type=realtime',
    'agents/a/metrics?metric_type=aggregated&from=2026-01-01&to=2026-01-31',
    'agents/a/series?step=1h&from=2026-01-14T00:00:00Z&to=2026-01-15T00:00:00%2B02:00',
    'agents/a/live',
    'metrics/dashboard?range=24h',
    'metrics/export?format=csv&from=2026-01-01&to=2026-01-31',
    'monitoring/tasks?crew_id=c&status=failed&start_date_from=2026-01-01&limit=100&offset=0',
    'monitoring/tasks/t-1?run_id=r',
    'monitoring/agents/a/memory/stats',
    'monitoring/endpoints',
    'agents/history?agent_id=a&status=completed&skip=0&limit=20',
    'agents/logs?run_id=r',
    'runs?agent_id=a&cursor=WzEsImEiXQ&error_text=x&session_id=s',
    'runs/r/timeline',
    'failures/breakdown?from=2026-01-01T00:00:00.123456789Z&group_by=category',
    'failures?limit=10',
    'patterns?min_confidence=0.5&pattern_type=x',
    'openapi.json',
  ];
  const heads: readonly Readonly<Record<string, string>>[] = [
    { host: '127.0.0.1:7077' },
    { host: 'collector.internal', origin: 'http://collector.internal:80', 'sec-fetch-site': 'same-origin' },
    { host: '[::1]:8', origin: 'https://evil.example', referer: 'https://evil.example/x' },
    { host: 'localhost.', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' },
    { 'sec-websocket-protocol': 'tidemark.v1, tidemark.key.tk_abc' },
    { authorization: 'Bearer tk_abc', 'sec-websocket-protocol': 'tidemark.key.x,,y' },
  ];
  const feedback = message('POST /api/v1/patterns/p/feedback', {}, '{"score":1,"text":"good","user_id":"u"}');
  const asked = targets.map((target, at) => message(`GET /api/v1/${target}`, heads[at % heads.length]!));
  return [...asked, ...heads.map((head) => message('POST /x', head)), feedback];
}
