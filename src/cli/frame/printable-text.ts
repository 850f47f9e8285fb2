/**
 * Text of a stranger as a terminal may have it: control characters, which move the cursor, change the title or answer
 * into the input, and marks that turn the reading direction, become a visible sign.
 */
export function printable(text: string): string {
  return text.replaceAll(unprintable, '\u{fffd}');
}

/** C0, DEL, C1, the marks of Unicode's bidirectional algorithm, and line and paragraph separators. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
