import { z } from 'zod';
import { errorMessage } from '../../core/errors.js';
import { healthStatuses } from '../../core/ports/health-probe.js';
import type { TlsOptions } from '../../sdk/tls-options.js';
import { collectorFetch } from '../frame/collector-fetch.js';

const shallow = z.object({ status: z.enum(healthStatuses) });

const deep = z.object({
  checked_at: z.iso.datetime(),
  dependencies: z.array(
    z.object({
      name: z.string(),
      status: z.enum(healthStatuses),
      reason: z.string().nullable(),
      details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    }),
  ),
  ledger: z.object({
    received: z.number(),
    durable: z.number(),
    inserted: z.number(),
    spooled: z.number(),
    quarantined: z.number(),
    balanced: z.boolean(),
    intake_difference: z.number(),
    delivery_difference: z.number(),
  }),
  newest_rows: z.array(z.object({ table: z.string(), age_ms: z.number().nullable() })).nullable(),
});

export type DeepHealth = z.output<typeof deep>;

/** What answers at the address of the collector. */
export type RunningCollector =
  | { readonly status: 'absent'; readonly url: string; readonly cause: string }
  /** Something answers, and not as a collector does. */
  | { readonly status: 'foreign'; readonly url: string; readonly cause: string }
  | {
      readonly status: 'answers';
      readonly url: string;
      /** Null when it refused to tell, for `refusal`. */
      readonly health: DeepHealth | null;
      readonly refusal: string | null;
      /** When the answer was here: for a comparison of the clocks. */
      readonly answeredMs: number;
    };

const answerMsMax = 10_000;

/** Asks the collector at `url` how it is. Never rejects. */
export async function askCollector(
  clock: { nowMs(): number },
  { url, key, tls }: { readonly url: string; readonly key: string | null; readonly tls: TlsOptions },
): Promise<RunningCollector> {
  let answer: Answer;
  try {
    answer = await get(`${url}/health`, { key: null, tls });
  } catch (error) {
    const cause = causeOf(error);
    return { status: 'absent', url, cause };
  }
  if (!shallow.safeParse(answer.body).success) {
    return { status: 'foreign', url, cause: `/health is answered with ${answer.status}, as no collector does` };
  }
  try {
    const told = await get(`${url}/health/deep`, { key, tls });
    const health = deep.safeParse(told.body);
    if (health.success) {
      return { status: 'answers', url, health: health.data, refusal: null, answeredMs: clock.nowMs() };
    }
    return { status: 'answers', url, health: null, refusal: refusalOf(told), answeredMs: clock.nowMs() };
  } catch (error) {
    return { status: 'answers', url, health: null, refusal: causeOf(error), answeredMs: clock.nowMs() };
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function get(
  url: string,
  { key, tls }: { readonly key: string | null; readonly tls: TlsOptions },
): Promise<Answer> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  const init: RequestInit = { headers, signal: AbortSignal.timeout(answerMsMax), redirect: 'manual' };
  const response = await collectorFetch(url, init, tls);
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: null };
  }
}

const problem = z.object({ code: z.string(), detail: z.string().optional() });

function refusalOf({ status, body }: Answer): string {
  const told = problem.safeParse(body);
  return told.success ? `${status} ${told.data.code}` : `it answers ${status}, and not as this version does`;
}

/** What `fetch` failed for is in the cause of its error. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return errorMessage(cause) || (code ?? 'no answer');
}
