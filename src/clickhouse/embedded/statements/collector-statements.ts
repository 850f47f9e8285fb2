import { quoteString } from '../../sql-text.js';
import { type ChdbEngine, type Classification, isRead, statementClass } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { formatAskedFor } from '../front/request-parameters.js';
import { PassedStatements } from '../guard/passed-statements.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { type PreparedStatement, usualHolding } from './prepared-statement.js';
import { StatementConnections } from './statement-connections.js';
import { createCollectorLanes, type StatementLanes } from './statement-lanes.js';
import type { StatementRequest } from './statement-request.js';
import {
  collectorReadLimits,
  collectorStreamLimits,
  formattedAtOnce,
  indexesFirst,
  limitedSettings,
  noAsyncInsert,
  noDerivedComparisons,
  priorities,
  readNiceness,
  writeNiceness,
} from './statement-settings.js';

/**
 * Statements of the collector itself, which come over the channel that only it can open: run as they are. Those of its
 * reading account are reads, on a connection that is locked; of the writing one the engine's classifier tells.
 */
export class CollectorStatements {
  readonly #engine: ChdbEngine;
  readonly #options: EngineOptions;
  readonly lanes: StatementLanes;
  readonly connections: StatementConnections;
  readonly #known = new PassedStatements<Classification>();

  constructor(engine: ChdbEngine, options: EngineOptions) {
    this.#engine = engine;
    this.#options = options;
    const { readConnections: readsMax, streamsMax, waitingRequestsMax: waitingMax } = options;
    this.connections = new StatementConnections(engine, connectionsWaitingMax);
    this.lanes = createCollectorLanes({ readsMax, streamsMax, waitingMax });
  }

  async prepare(request: StatementRequest, bytes: Buffer): Promise<PreparedStatement> {
    const { user, parameters, body } = request;
    const text = bytes.toString('utf8');
    const found = await this.#classified(text);
    const reads = user.role === 'reader' || isOneRead(text, found);
    const asked = formatAskedFor(parameters);
    const { statement, format } = splitFormat(text);
    // Its result is held, unless it asks for it while it is made.
    const isStream = reads && parameters.waitsForEnd === false;
    const limits = isStream ? collectorStreamLimits(this.#options) : collectorReadLimits(this.#options);
    const settings = reads ? limitedSettings(parameters.settings, limits) : parameters.settings;
    return {
      sql: (outfile) =>
        outfile === null
          ? text
          : `${statement}\nINTO OUTFILE ${quoteString(outfile)} TRUNCATE FORMAT ${format ?? asked}`,
      format: { named: format ?? asked, asked },
      isRead: reads,
      delivery: isStream ? 'streamed' : 'whole',
      holding: usualHolding,
      isInsert: body.head.kind !== 'sql' || /^\s*INSERT\b/i.test(text),
      setup: {
        database: this.#databaseOf(parameters.database),
        settings: new Map([
          ...settings,
          ['priority', priorities.collector],
          ...(reads ? [noDerivedComparisons, indexesFirst, readNiceness] : [noAsyncInsert, ...writeNiceness]),
          ...(reads && !isStream ? [formattedAtOnce] : []),
        ]),
        parameters: parameters.parameters,
        isLocked: user.role === 'reader',
        // The lock does not hold for USE, nor for parameters.
        keptFor: found.queryClass === statementClass.read && found.statementCount === 1 ? user.name : null,
      },
      lanes: this.lanes,
      connections: this.connections,
      lane: reads ? this.lanes.reads : this.lanes.inserts,
      kill: null,
      toldTables: [],
      change: null,
      makesTemporary: false,
      isCancellable: reads,
    };
  }

  #databaseOf(asked: string | null): string {
    return asked === null || asked === '' ? this.#options.database : asked;
  }

  /** A text is parsed once: those of the collector are few, their values are parameters. */
  async #classified(text: string): Promise<Classification> {
    const known = this.#known.find(text);
    if (known !== undefined) return known;
    const found = await this.#engine.classify(text);
    this.#known.add(text, found);
    return found;
  }
}

/** Of the writer. Throws SYNTAX_ERROR. */
function isOneRead(text: string, found: Classification): boolean {
  if (found.statementCount > 1) throw new ClickHouseException('SYNTAX_ERROR', 'Multi-statements are not allowed.');
  if (found.queryClass === statementClass.unknown && text.trim() === '') {
    throw new ClickHouseException('SYNTAX_ERROR', 'Syntax error: Empty query.');
  }
  return isRead(found);
}

/** Its reads have some forty sets of parameters. */
const connectionsWaitingMax = 32;

/** The collector and its client name a format at the very end, or not at all. */
function splitFormat(text: string): { readonly statement: string; readonly format: string | null } {
  const match = /\bFORMAT\s+([A-Za-z0-9_]+)\s*;?\s*$/.exec(text);
  if (match === null) return { statement: text, format: null };
  return { statement: text.slice(0, match.index), format: match[1] ?? null };
}
