import type { LiveEvent } from '../../live/live-messages.js';

export interface EventText {
  readonly text: string;
  readonly bad: boolean;
}

/** What an event says of itself, in a line: why it failed, what was logged, or what it is about. */
export function textOf(event: LiveEvent): EventText {
  const { type, name, model, level, message, error_category, error_code, error_message, environment } = event;
  if (type.endsWith('.failed')) {
    const cause = [error_category, error_code].filter((part) => part !== undefined).join(' ');
    return { text: joined([name, joined([cause || undefined, error_message], ': ')]), bad: true };
  }
  if (type === 'log') return { text: joined([level, message], ': '), bad: level === 'error' || level === 'fatal' };
  return { text: joined([name, model, message, environment]), bad: false };
}

function joined(parts: readonly (string | undefined)[], by = ' · '): string {
  return parts.filter((part) => part !== undefined && part !== '').join(by);
}
