/** As V8 words what it cannot parse: with a position, or with the text, which may hold secrets. */
const placed = /^(?<cause>[^"]+?)(?: in JSON)? at position (?<position>\d+)/;
const quoting = /^Unexpected token '(?<token>[!-~])',/;
const ending = /^Unexpected end/;

/** What is to be said of a text that `JSON.parse` has thrown at: why and where, without quoting it. */
export function notJson(error: unknown, text: string): string {
  const words = error instanceof SyntaxError ? error.message : '';
  if (ending.test(words)) return 'not valid JSON: it ends too early';
  const { token } = quoting.exec(words)?.groups ?? {};
  if (token !== undefined) return `not valid JSON: unexpected '${token}'`;
  const { cause, position } = placed.exec(words)?.groups ?? {};
  if (cause === undefined) return 'not valid JSON';
  const place = placeOf(text.slice(0, Number(position)));
  return `not valid JSON: ${cause.charAt(0).toLowerCase()}${cause.slice(1)} ${place}`;
}

function placeOf(before: string): string {
  const lines = before.split('\n');
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return lines.length === 1 ? `at character ${column}` : `in line ${lines.length} at character ${column}`;
}
