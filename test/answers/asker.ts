import { csvRows, type KeptOptions, kept, type RecordedAnswer, shapeOf } from './recorded-answer.js';

/** A list whose cursor leads round in a circle is not followed for ever. */
const pagesMax = 1_000;

/** Of a question that the collector has no room for yet, as on a busy machine. */
const retries = { pauseMs: 500, countMax: 120 };

export interface Asked {
  readonly path: string;
  readonly key: string | null;
  readonly pages: boolean;
  readonly shape: boolean;
}

export interface Change {
  readonly method: string;
  readonly path: string;
  readonly key: string;
  readonly body: string | null;
}

/** Asks one build, and keeps of its answers what does not depend on when it was asked. */
export class Asker {
  readonly #url: string;
  readonly #baseMs: number;

  constructor(url: string, baseMs: number) {
    this.#url = url;
    this.#baseMs = baseMs;
  }

  async ask({ path, key, pages, shape }: Asked): Promise<RecordedAnswer> {
    const options = { baseMs: this.#baseMs, hasRange: /[?&]from=/.test(path) };
    const first = await this.#fetch(path, key, options, shape);
    if (!pages) return first.recorded;
    const bodies = [first.recorded.body];
    let cursor = first.cursor;
    for (; cursor !== null && bodies.length < pagesMax; ) {
      const next = await this.#fetch(`${path}&cursor=${encodeURIComponent(cursor)}`, key, options, shape);
      if (next.recorded.status !== 200) return { ...next.recorded, body: [...bodies, next.recorded.body] };
      bodies.push(next.recorded.body);
      cursor = next.cursor;
    }
    return { ...first.recorded, body: bodies };
  }

  /** A request that changes something, and what is told of it. */
  async change({ method, path, key, body }: Change): Promise<RecordedAnswer> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(this.#url + path, { method, headers, body });
    const contentType = response.headers.get('content-type') ?? '';
    const text = await response.text();
    const told = parsed(text, contentType);
    const options = { baseMs: this.#baseMs, hasRange: false };
    // The id of an event that the collector makes is made by chance.
    const recorded = body === null ? kept(told, options) : shapeOf(told);
    return { status: response.status, contentType, body: recorded };
  }

  async #fetch(path: string, key: string | null, options: KeptOptions, shape: boolean) {
    const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
    let response = await fetch(this.#url + path, { headers });
    for (let count = 0; isBusy(response) && count < retries.countMax; count += 1) {
      await response.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, retries.pauseMs));
      response = await fetch(this.#url + path, { headers });
    }
    const contentType = response.headers.get('content-type') ?? '';
    const body = parsed(await response.text(), contentType);
    const cursor = (body as { readonly next_cursor?: unknown } | null)?.next_cursor;
    const recorded = { status: response.status, contentType, body: shape ? shapeOf(body) : kept(body, options) };
    return { recorded, cursor: typeof cursor === 'string' ? cursor : null };
  }
}

function isBusy({ status }: Response): boolean {
  return status === 429 || status === 503;
}

function parsed(text: string, contentType: string): unknown {
  if (/[/+]json\b/.test(contentType)) return JSON.parse(text);
  if (contentType.includes('ndjson')) {
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as unknown);
  }
  return contentType.startsWith('text/csv') ? csvRows(text) : text;
}
