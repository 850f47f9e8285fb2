import { ageText, countText } from './amounts.js';
import { type Finding, fault, ok, type Severity, type Subject, unknown, warn } from './finding.js';
import type { DeepHealth, RunningCollector } from './running-collector.js';

type Dependency = DeepHealth['dependencies'][number];

/** Which subject a part of a collector is told under, what is done when it is ill, and how bad `degraded` is. */
interface Part {
  readonly subject: Subject;
  readonly degraded: Extract<Severity, 'warn' | 'fault'>;
  readonly advice: string;
}

const parts: Readonly<Record<string, Part>> = {
  spool: {
    subject: 'spool',
    degraded: 'fault',
    advice: 'free the disk or raise TIDEMARK_SPOOL_BYTES_MAX; for what is set aside see the data directory below',
  },
  decode: { subject: 'collector', degraded: 'fault', advice: 'restart the collector; its log says why threads end' },
  engine: {
    subject: 'engine',
    degraded: 'fault',
    advice: 'look at what the collector logs of the engine: it names the file or the port that is in the way',
  },
  clickhouse: {
    subject: 'engine',
    degraded: 'fault',
    advice: 'see that ClickHouse runs and answers at its URL; events wait in the spool meanwhile',
  },
  schema: {
    subject: 'schema',
    degraded: 'fault',
    advice: 'do what the message says; events wait in the spool meanwhile',
  },
  delivery: {
    subject: 'ledger',
    degraded: 'fault',
    advice: 'mend what ClickHouse refuses; nothing is lost, the spool keeps what waits',
  },
  maintenance: {
    subject: 'tables',
    degraded: 'warn',
    advice: 'it is tried again every five minutes; mend what the message names',
  },
  parts: { subject: 'tables', degraded: 'fault', advice: 'put back a copy of the part, as docs/damage.md says' },
  disk: { subject: 'disk', degraded: 'warn', advice: 'free the disk, or keep less: TIDEMARK_RETENTION_RAW_DAYS' },
  clock: { subject: 'clock', degraded: 'warn', advice: 'let a time server set the clock of this machine' },
};

const other: Part = { subject: 'collector', degraded: 'fault', advice: 'see its log' };

/** What a running collector says of itself, part by part. */
export function checkCollector(collector: RunningCollector): Finding[] {
  if (collector.status === 'absent') {
    return [
      unknown('collector', `none answers at ${collector.url}: ${collector.cause}`, 'start it, or give its --url'),
    ];
  }
  if (collector.status === 'foreign') {
    const advice = 'give the --url of the collector, or choose another TIDEMARK_PORT';
    return [fault('collector', `another program answers at ${collector.url}: ${collector.cause}`, advice)];
  }
  const { health, refusal, url } = collector;
  if (health === null) {
    return [
      unknown('collector', `it answers at ${url} and does not tell more: ${refusal}`, 'give a --key with scope read'),
    ];
  }
  return [
    ok('collector', `it answers at ${url}`),
    ...health.dependencies.map((dependency) => partFinding(dependency, isStarting(health))),
    ledgerFinding(health),
    clockFinding(health, collector.answeredMs),
    ...newestRowFindings(health),
  ];
}

function partFinding(dependency: Dependency, isStarting: boolean): Finding {
  const { name, status, reason } = dependency;
  const part = parts[name] ?? other;
  if (status === 'healthy') return ok(part.subject, `${name} is healthy${detailText(dependency)}`);
  const found = `${name} is ${status}: ${reason ?? 'no reason is given'}`;
  if (status === 'degraded' && isStarting && startsLate.has(name)) {
    return warn(part.subject, found, 'it has just been started: ask again in a moment');
  }
  const severity = status === 'unhealthy' ? 'fault' : part.degraded;
  return severity === 'fault' ? fault(part.subject, found, part.advice) : warn(part.subject, found, part.advice);
}

/** What waits for the store, whose first start takes a while. */
const startsLate: ReadonlySet<string> = new Set(['engine', 'clickhouse', 'schema', 'delivery']);

/** The store is being prepared, and nothing has failed yet. */
function isStarting({ dependencies }: DeepHealth): boolean {
  const schema = dependencies.find(({ name }) => name === 'schema');
  return schema?.details.ready === false && Number(schema.details.attempts) <= 1;
}

/** Figures an operator asks for, of the parts that have them. */
const figures: Readonly<Record<string, readonly string[]>> = {
  engine: ['restarts', 'sandbox'],
  delivery: ['undelivered_segments', 'undelivered_events'],
  parts: ['parts'],
  maintenance: ['last_success'],
};

function detailText({ name, details }: Dependency): string {
  const told = (figures[name] ?? []).flatMap((key) => {
    const value = details[key];
    return value === null || value === undefined ? [] : [`${key.replaceAll('_', ' ')} ${value}`];
  });
  return told.length === 0 ? '' : ` (${told.join(', ')})`;
}

function ledgerFinding({ ledger }: DeepHealth): Finding {
  const { received, durable, inserted, spooled, quarantined, balanced } = ledger;
  const counts = `received ${received}, durable ${durable}, inserted ${inserted}, spooled ${spooled}`;
  if (!balanced) {
    const { intake_difference: intake, delivery_difference: delivery } = ledger;
    const found = `the event counters do not add up: ${intake} at the intake, ${delivery} at the delivery (${counts})`;
    return fault('ledger', found, 'report it with the log of the collector: events are not accounted for');
  }
  if (quarantined === 0) return ok('ledger', `the event counters add up: ${counts}`);
  const found = `${countText(quarantined, 'event')} ${quarantined === 1 ? 'is' : 'are'} set aside since the start`;
  return fault('ledger', found, 'stop the collector, look at `tidemark spool quarantine`, and put back what is intact');
}

/** Beyond this the clocks of the two machines differ; an answer takes less. */
const clockDifferenceMsMax = 2_000;

function clockFinding({ checked_at }: DeepHealth, answeredMs: number): Finding {
  const aheadMs = Date.parse(checked_at) - answeredMs;
  const difference = `${ageText(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  if (Math.abs(aheadMs) <= clockDifferenceMsMax) return ok('clock', "the collector's clock is that of this machine");
  return warn('clock', `the collector's clock is ${difference}`, 'let a time server set the clocks of both machines');
}

/** Rows come within seconds of their event while any come. */
function newestRowFindings({ newest_rows: rows, ledger }: DeepHealth): Finding[] {
  if (rows === null) return [unknown('tables', 'the age of the newest rows is not known: the store does not answer')];
  const raw = rows.find(({ table }) => table === 'agent_events_raw_v1');
  const filled = rows.filter(({ age_ms: ageMs }) => ageMs !== null).length;
  if (raw?.age_ms === null || raw === undefined) {
    const found = 'no table has a row yet';
    if (ledger.inserted === 0) return [ok('tables', found)];
    return [fault('tables', `${found}, though ${ledger.inserted} events were inserted`, 'see docs/damage.md')];
  }
  return [ok('tables', `the newest row is ${ageText(raw.age_ms)} old; ${filled} of ${rows.length} tables have rows`)];
}
