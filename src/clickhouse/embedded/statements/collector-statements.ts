import { quoteString } from '../../sql-text.js';
import { type ChdbEngine, isRead, statementClass } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { formatAskedFor } from '../front/request-parameters.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { type PreparedStatement, usualHolding } from './prepared-statement.js';
import { createCollectorLanes, type StatementLanes } from './statement-lanes.js';
import type { StatementRequest } from './statement-request.js';
import {
  collectorReadLimits,
  collectorStreamLimits,
  limitedSettings,
  noAsyncInsert,
  noDerivedComparisons,
  priorities,
} from './statement-settings.js';

/**
 * Statements of the collector itself, which come over the channel that only it can open: run as they are. Those of its
 * reading account are reads, on a connection that is locked; of the writing one the engine's classifier tells.
 */
export class CollectorStatements {
  readonly #engine: ChdbEngine;
  readonly #options: EngineOptions;
  readonly lanes: StatementLanes;

  constructor(engine: ChdbEngine, options: EngineOptions) {
    this.#engine = engine;
    this.#options = options;
    const { readConnections: readsMax, streamsMax, waitingRequestsMax: waitingMax } = options;
    this.lanes = createCollectorLanes({ readsMax, streamsMax, waitingMax });
  }

  async prepare(request: StatementRequest, bytes: Buffer): Promise<PreparedStatement> {
    const { user, parameters, body } = request;
    const text = bytes.toString('utf8');
    const reads = user.role === 'reader' || (await this.#isRead(text));
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
          reads ? noDerivedComparisons : noAsyncInsert,
        ]),
        parameters: parameters.parameters,
        isLocked: user.role === 'reader',
      },
      lanes: this.lanes,
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

  async #isRead(text: string): Promise<boolean> {
    const found = await this.#engine.classify(text);
    if (found.statementCount > 1) throw new ClickHouseException('SYNTAX_ERROR', 'Multi-statements are not allowed.');
    if (found.queryClass === statementClass.unknown && text.trim() === '') {
      throw new ClickHouseException('SYNTAX_ERROR', 'Syntax error: Empty query.');
    }
    return isRead(found);
  }
}

/** The collector and its client name a format at the very end, or not at all. */
function splitFormat(text: string): { readonly statement: string; readonly format: string | null } {
  const match = /\bFORMAT\s+([A-Za-z0-9_]+)\s*;?\s*$/.exec(text);
  if (match === null) return { statement: text, format: null };
  return { statement: text.slice(0, match.index), format: match[1] ?? null };
}
