import { quoteString } from '../../sql-text.js';

/**
 * An SQL expression (RE2) that turns `column`, an error message, into the name of its group: what differs from one
 * occurrence to the next is replaced, most specific first, so that 'timeout after 311 ms for "a"' and
 * 'timeout after 95 ms for "b"' are one error.
 *
 *   URLs → <url>, e-mail addresses → <email>, UUIDs → <uuid>, IPv4 addresses with an optional port → <address>,
 *   quoted text → <text>, hexadecimal of 8 digits and more → <hex>, numbers → <n>.
 */
export function normalizedMessage(column: string): string {
  const quoted = replacements.reduce(
    (expression, [pattern, name]) => `replaceRegexpAll(${expression}, ${quoteString(pattern)}, ${quoteString(name)})`,
    column,
  );
  return `substringUTF8(${quoted}, 1, ${messageCharactersMax})`;
}

/** What the expression makes of a message, without asking the engine (2 to 5 ms of CPU of a statement, to plan it). */
export function normalizeMessage(message: string): string {
  const text = patterns.reduce(
    (changed, [pattern, name, part]) => (changed.includes(part) ? changed.replace(pattern, name) : changed),
    message,
  );
  if (text.length <= messageCharactersMax) return text;
  let end = 0;
  for (let characters = 0; characters < messageCharactersMax && end < text.length; characters++) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/** Characters of a group's name; messages are at most 500 long. */
const messageCharactersMax = 200;

/** `part`: without it in a text there is nothing to replace, and that is seen sooner than the pattern is looked for. */
const replacements: readonly (readonly [pattern: string, name: string, part: string])[] = [
  ['[a-zA-Z][a-zA-Z0-9+.-]*://[^\\s"\'<>]+', '<url>', '://'],
  ['[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+', '<email>', '@'],
  ['[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}', '<uuid>', '-'],
  ['\\b\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(:\\d+)?\\b', '<address>', '.'],
  ['"[^"]*"|`[^`]*`|\\B\'[^\']*\'\\B', '<text>', ''],
  // Whole numbers first, so that a long one is not taken for hexadecimal; those glued to a unit come last.
  ['\\b\\d+([.,]\\d+)*\\b', '<n>', ''],
  ['\\b(0x[0-9a-fA-F]+|[0-9a-fA-F]{8,})\\b', '<hex>', ''],
  ['\\d+([.,]\\d+)*', '<n>', ''],
];

/** A blank is one of ASCII for RE2; all else that these use means the same here. */
const patterns = replacements.map(
  ([pattern, name, part]) => [new RegExp(pattern.replaceAll('\\s', ' \\t\\n\\f\\r'), 'g'), name, part] as const,
);
