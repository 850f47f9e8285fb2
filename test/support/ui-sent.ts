import { inject } from 'vitest';
import { type UiEvent, uiHistory } from './ui-history.js';

/** What was sent to the collector of the project, counted here as the API promises to count it. */
export function sentEvents(): readonly UiEvent[] {
  return uiHistory(inject('ui').nowMs);
}

export interface SentExecutions {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
}

/** Tasks that ended within a time; its end is not included. */
export function sentExecutions(
  within: { readonly from: string; readonly to: string },
  is: (event: UiEvent) => boolean = () => true,
): SentExecutions {
  const ended = sentEvents().filter(
    (event) =>
      /^task\.(completed|failed|cancelled)$/.test(event.type) &&
      event.ts >= Date.parse(within.from) &&
      event.ts < Date.parse(within.to) &&
      is(event),
  );
  const count = (type: string) => ended.filter((event) => event.type === type).length;
  return { total: ended.length, successful: count('task.completed'), failed: count('task.failed') };
}

/** An answer of the API to the key of the project. */
export async function askUiApi<Answer>(path: string): Promise<Answer> {
  const { url, key } = inject('ui');
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
  if (!response.ok) throw new Error(`${path} is answered ${response.status}`);
  return (await response.json()) as Answer;
}
