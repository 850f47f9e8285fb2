import { z } from 'zod';
import type { HistoryFilter, HistoryPosition } from '../../clickhouse/queries/work/history-filter.js';
import { type ErrorCategory, errorCategories } from '../../core/event-types.js';
import type { ApiContext } from '../request/api-context.js';
import { cursorParameter, cursorTime, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idCharactersMax, idParameter, integerParameter, wordParameter } from '../request/parameters.js';
import { dateParameter } from '../request/time-parameters.js';
import type { HistorySearch } from './history-scan.js';
import { type Crowds, ListLease } from './lease.js';
import { listedUser, type Reader } from './user-bound.js';

/** Rows a page may skip: they are read and thrown away, so further on the cursor is the way. */
export const offsetMax = 10_000;

/** Longer texts are in no error message. */
const errorTextCharactersMax = 500;

const categories = Object.keys(errorCategories).filter((name): name is ErrorCategory => name !== '');

const errorText = `expected a text of 1 to ${errorTextCharactersMax} characters`;

/** Parameters of a list of tasks and of one of runs; the status and the run are up to each. */
export const historyShape = {
  crew_id: idParameter.optional(),
  agent_id: idParameter.optional(),
  flow_id: idParameter.optional(),
  engagement_id: idParameter.optional(),
  user_id: idParameter.optional(),
  session_id: idParameter.optional(),
  environment: idParameter.optional(),
  model: idParameter.optional(),
  provider: idParameter.optional(),
  error_category: wordParameter(categories as [ErrorCategory, ...ErrorCategory[]]).optional(),
  error_text: z.string().min(1, errorText).max(errorTextCharactersMax, errorText).optional(),
  start_date_from: dateParameter.optional(),
  start_date_to: dateParameter.optional(),
};

export const historyPageShape = {
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
  offset: integerParameter({ min: 0, max: offsetMax, fallback: 0 }),
  cursor: cursorParameter.optional(),
};

interface HistoryParameters extends Readonly<z.output<z.ZodObject<typeof historyShape>>> {
  readonly run_id?: string | undefined;
  readonly status?: HistoryFilter['status'];
}

/** For `superRefine`. */
export function checkDates({ start_date_from: from, start_date_to: to }: HistoryParameters, context: z.RefinementCtx) {
  if (from === undefined || to === undefined || from.fromMs < to.untilMs) return;
  const message = 'expected a time that is not before start_date_from';
  context.addIssue({ code: 'custom', path: ['start_date_to'], message });
}

/** What a request looks for: the kind and the filter, on behalf of the reader. */
export function historySearch(
  { clock, options, inserting = () => null }: ApiContext,
  { tenant, user }: Reader,
  { crowds, ...asked }: Pick<HistorySearch, 'kind' | 'filter'> & { readonly crowds: Crowds },
): HistorySearch {
  const lease = new ListLease({ tenant, nowMs: clock.nowMs(), leaseMs: options.leaseMs }, crowds);
  return { ...asked, lease, inserting, owner: user };
}

/** What the parameters ask for. Of what is orphaned, nothing was received within the lease. */
export function historyFilter({ clock, options }: ApiContext, reader: Reader, given: HistoryParameters): HistoryFilter {
  const { tenant } = reader;
  return {
    tenant,
    agentId: given.agent_id,
    runId: given.run_id,
    flowId: given.flow_id,
    crewId: given.crew_id,
    engagementId: given.engagement_id,
    userId: listedUser(reader, given.user_id),
    sessionId: given.session_id,
    environment: given.environment,
    model: given.model,
    provider: given.provider,
    status: given.status,
    errorCategory: given.error_category,
    errorText: given.error_text,
    startFromMs: given.start_date_from?.fromMs,
    startBeforeMs: given.start_date_to?.untilMs,
    receivedBeforeMs: given.status === 'orphaned' ? clock.nowMs() - options.leaseMs : undefined,
  };
}

const cursorId = z.string().max(2 * idCharactersMax);

/** Start (ms since the epoch) and ids of the last row of a page. */
const cursorKey = z.tuple([cursorTime, cursorId.min(1), cursorId, cursorId]);

/** Throws `parameter_invalid` for a cursor this API did not make. */
export function decodePosition(cursor: string | undefined): HistoryPosition | undefined {
  const key = decodePageCursor(cursorKey, cursor);
  return key && { startMs: key[0], id: key[1], run: key[2], agent: key[3] };
}

export function encodePosition(position: HistoryPosition | null): string | null {
  return position === null ? null : encodePageCursor([position.startMs, position.id, position.run, position.agent]);
}
