/**
 * SQL of failed attempts with what became of them (`outcome`, a number of `failureOutcomes`), as far as any event tells
 * it. This is the one definition of these words for attempts:
 *
 * - A later try of a run, task or step is any stored try of it (`agent_tries_v1` has which are) that is later, or at
 *   the same time with a higher attempt. A failed attempt with one is retried, with one that completed recovered.
 * - Where each attempt of a step has a step_id of its own, the attempts of one family belong together: a higher attempt
 *   is a later try. A try whose own step_id failed in its first attempt belongs to that step alone.
 *
 * Outcomes that the maintenance has settled are stored. What was inserted since, tries and failures, is joined here, so
 * the result is the same whenever it ran last, and if it never did. An outcome only grows, so the greater one holds:
 * also where the failure that takes a try out of a family arrived after a settlement.
 */

export const failureTable = 'agent_failures_v1';
export const triesTable = 'agent_tries_v1';
export const settlementTable = 'failure_settlements_v1';

/** When outcomes were settled last, 1970 when never; of the store as a whole. Told by the parts, none is read. */
export const newestSettlement = `SELECT max(settled_at) FROM ${settlementTable}`;

/**
 * What a clock that was ahead has left says nothing of what is inserted since it was set back, until it is removed; a
 * minute is a matter of two servers.
 */
export const aheadMsMax = 60_000;
export const settledAhead = `settled_at > now64(3, 'UTC') + toIntervalMillisecond(${aheadMsMax})`;

/** The newest that says something, where some do not: 4 ms of CPU among those of 90 days. */
export const lastSettlement = `${newestSettlement} WHERE NOT (${settledAhead})`;

/** By the number that is stored. */
export const failureOutcomes = ['failed', 'retried', 'recovered'] as const;
export const retried = failureOutcomes.indexOf('retried');
export const recovered = failureOutcomes.indexOf('recovered');

/**
 * An insert is visible some time after its rows were stamped with `inserted`, so what was inserted this long before the
 * last settlement is looked at again.
 */
export const visibleAfterMs = 120_000;

/** Inserted since the settlement, as far as that is certain; with the parameter of `NewTries.params`. */
const isNew = "inserted >= fromUnixTimestamp64Milli({new_since_ms:Int64}, 'UTC')";

/** The earliest of some rows, and for none a time that nothing has reached. */
export const earliest = "if(count() = 0, now64(3, 'UTC') + toIntervalDay(400), min(ts))";

/** Later, or at the same time with a higher attempt, is greater. Maxima of tuples take many times the memory. */
const place = 'toUInt64(toUnixTimestamp64Milli(ts)) * 65536 + attempt';

export interface FailureSelection {
  /** Columns of the result beside `outcome`, of the table of failures. */
  readonly columns: string;
  /** Selects the tenant, of failures and of tries. */
  readonly tenant: string;
  /** Selects the failures; refers to columns of their table by their names. */
  readonly failures: string;
  /** Bounds the tries, by their own columns: none is before the earliest failure. */
  readonly tries: string;
  readonly newTries: NewTries;
}

/** What came since outcomes were settled. `amount` decides how it is looked for; the result is the same. */
export interface NewTries {
  readonly amount: 'none' | 'few' | 'many';
  /** False until something was settled: then everything is new. */
  readonly isSettled: boolean;
  /** When outcomes were settled last, ms since the epoch; 0: never. */
  readonly settledMs: number;
  /** Parameters of the SQL that is made with it. A subquery instead would run a dozen times: 100 ms of CPU. */
  readonly params: { readonly new_since_ms: number };
}

export function newTriesSince(settledMs: number, amount: NewTries['amount']): NewTries {
  const isSettled = settledMs > 0;
  return { amount, isSettled, settledMs, params: { new_since_ms: isSettled ? settledMs - visibleAfterMs : 0 } };
}

/** Outcomes as they were settled, without what came since. */
export function asSettled(newTries: NewTries): NewTries {
  return { ...newTries, amount: 'none' };
}

export function failuresWithOutcome({ columns, tenant, failures, tries, newTries }: FailureSelection): string {
  const failed = `${tenant} AND lane = 'failed' AND (${failures})`;
  if (newTries.amount === 'none') {
    return `SELECT ${columns}, failure.outcome AS outcome FROM ${failureTable} AS failure FINAL WHERE ${failed}`;
  }
  // Of its own, as conditions on the stored outcome mean that one, not the one it has grown to.
  const selected = `(SELECT * FROM ${failureTable} FINAL WHERE ${failed}) AS failure`;
  const since = { failed, newTries };
  const all = `${tenant} AND (${tries})`;
  const exact = triesSince({ ...since, tries: all, key: 'unit' });
  const alike = triesSince({ ...since, tries: `${all} AND ${isFamilyTry}`, key: 'family' });
  // Of the steps whose first attempt failed, a million a day, only these: all of them took half a gigabyte.
  const triedAlike = `bitNot(unit) IN (SELECT bitNot(unit) FROM (${alike}))`;
  // Few units and families have new tries, so they are looked up in constant arrays: a join costs every failure more
  // than reading it does.
  const found = (kind: string, last: 1 | 2) => {
    const key = kind === 'exact' ? 'unit' : 'family';
    return `if(empty(${kind}_tries.1), 0, transform(${key}, ${kind}_tries.1, ${kind}_tries.${last + 1}, toUInt64(0)))`;
  };
  return `
    WITH
      (
        SELECT (groupArray(unit), groupArray(last_try), groupArray(last_completion))
        FROM (
          SELECT unit, max(${place}) AS last_try, maxIf(${place}, completed) AS last_completion
          FROM (${exact})
          GROUP BY unit
        )
      ) AS exact_tries,
      (
        SELECT (groupArray(family), groupArray(top_try), groupArray(top_completion))
        FROM (
          SELECT
            family, max(toUInt64(attempt)) AS top_try, maxIf(toUInt64(attempt), completed) AS top_completion
          FROM (${alike})
          WHERE unit NOT IN (
            SELECT unit FROM ${failureTable}
            WHERE ${tenant} AND lane = 'failed' AND kind = 'step' AND attempt <= 1 AND family != unit
              AND ${triedAlike}
              AND ts >= (SELECT ${earliest} FROM (${alike})) - toIntervalDay(1)
          )
          GROUP BY family
        )
      ) AS alike_tries
    SELECT
      ${columns},
      greatest(
        failure.outcome,
        ${grownTo({ mark: place, completion: found('exact', 2), later: found('exact', 1) })},
        ${grownTo({ mark: 'attempt', completion: found('alike', 2), later: found('alike', 1) })}
      ) AS outcome
    FROM ${selected}`;
}

function grownTo({ mark, completion, later }: Readonly<Record<'mark' | 'completion' | 'later', string>>): string {
  return `multiIf(${mark} < ${completion}, ${recovered}, ${mark} < ${later}, ${retried}, 0)`;
}

interface TriesSince {
  readonly failed: string;
  readonly newTries: NewTries;
  readonly tries: string;
  readonly key: 'unit' | 'family';
}

const isFamilyTry = 'family != 0 AND attempt > 1';

/**
 * Tries that were inserted since the settlement, found by the key, and those of failures that were, found by the index
 * on `ts`: late ones are few, and the rest happened lately.
 */
function triesSince({ failed, newTries, tries, key }: TriesSince) {
  const columns = 'ts, unit, family, attempt, completed';
  const lateFailures = `FROM ${failureTable} WHERE ${failed} AND ${isNew}`;
  // Every task that completes is a try: millions in the minutes since the settlement, and few of them failed before.
  // (Bare, the engine would look each of the failed units up in the primary key: 0.7 s of CPU for 870,000.)
  const open = `${failed} AND outcome < ${recovered}`;
  const known = `bitNot(${key}) IN (SELECT bitNot(${key}) FROM ${failureTable} WHERE ${open})`;
  const inserted = `
    SELECT ${columns} FROM ${triesTable}
    WHERE ${tries} AND ${isNew} ${newTries.amount === 'many' ? `AND ${known}` : ''}`;
  if (!newTries.isSettled) return inserted;
  return `${inserted}
    UNION ALL
    SELECT ${columns} FROM ${triesTable}
    WHERE ${tries} AND ts >= (SELECT ${earliest} ${lateFailures}) AND ${key} IN (SELECT ${key} ${lateFailures})`;
}
