import { expect } from 'vitest';
import type { CollectorProcess } from './collector-process.js';
import type { HistoryEndpoint } from './history-endpoints.js';

interface Tenant {
  readonly name: string;
  readonly key: string;
  readonly seed: number;
}

interface Collectors {
  readonly wanted: Pick<CollectorProcess, 'url'>;
  readonly found: Pick<CollectorProcess, 'url'>;
}

/**
 * Ranges that end with the present minute may lie apart once, and views are filled after the raw table, which takes
 * seconds on a machine that is busy.
 */
const triesMax = 30;

/** Some endpoints at once: each of the two collectors answers while the other one waits for its store. */
const askersMax = 3;

/** Asks two collectors that were told the same, and expects the same of both. */
export async function compareAnswers(
  { name, key, seed }: Tenant,
  collectors: Collectors,
  asked: readonly HistoryEndpoint[],
): Promise<void> {
  const endpoints = [...asked];
  const compareSome = async (): Promise<void> => {
    for (let next = endpoints.shift(); next !== undefined; next = endpoints.shift()) {
      const { path, pages } = next;
      for (let tries = 1; ; tries++) {
        const [wanted, found] = await Promise.all(
          [collectors.wanted, collectors.found].map(async ({ url }) =>
            listed(path, comparable(await readAnswers(url + path, key, pages === true))),
          ),
        );
        if (tries === triesMax || JSON.stringify(wanted) === JSON.stringify(found)) {
          expect(found, `seed ${seed}, tenant ${name}: ${path}`).toEqual(wanted);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  };
  await Promise.all(Array.from({ length: askersMax }, compareSome));
}

/** An answer, or those of all pages from the first to the last. */
export async function readAnswers(url: string, key: string, pages: boolean): Promise<unknown[]> {
  const answers: { readonly next_cursor?: string | null }[] = [];
  let cursor: string | null | undefined;
  do {
    const after = cursor === undefined ? '' : `${url.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor!)}`;
    const response = await fetch(url + after, { headers: { authorization: `Bearer ${key}` } });
    const body = (await response.json()) as { readonly next_cursor?: string | null };
    // What lost every event of its own is not found in either.
    expect([200, 404], `${url + after}: ${JSON.stringify(body)}`).toContain(response.status);
    answers.push(body);
    cursor = pages ? body.next_cursor : null;
  } while (typeof cursor === 'string');
  return answers;
}

/**
 * A list of several pages as a set: an end that came before its start does not know it, and stands where it says.
 * One that is all on a page is in the order of starts.
 */
function listed(path: string, answers: unknown): unknown {
  if (!/\/(tasks|runs)\?/.test(path) || !Array.isArray(answers) || answers.length < 2) return answers;
  const rows = (answers as readonly Record<string, readonly unknown[]>[]).flatMap(
    ({ tasks, runs }) => tasks ?? runs ?? [],
  );
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** What may differ between two collectors that were told the same, and why. */
const differing: Readonly<Record<string, string>> = {
  received_at: 'when the collector received it, not when it happened',
  last_received_at: 'the same of the last event of a run',
  freshest_event: 'the same of the newest row that was read',
  newest_received: 'the same of the newest row of all',
  age_ms: 'how long ago that was',
  as_of: 'when the answer was made',
};

/** Without what may differ, and with as many digits of a fraction as do not depend on the order of a sum. */
function comparable(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(10));
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !(name in differing));
  return Object.fromEntries(kept.map(([name, item]) => [name, comparable(item)]));
}
