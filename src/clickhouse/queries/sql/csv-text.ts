/**
 * What spreadsheets take for a formula: a cell that begins with `=`, `+`, `-` or `@`, in the width of Latin or of East
 * Asian text, also behind spaces and characters nobody sees, which some programs drop; and one that begins with a tab
 * or the end of a line.
 */
const formula = String.raw`^[\\s\\p{Z}\\p{C}]*[=+\\-@＝＋－＠﹦﹢﹣﹫]|^[\\t\\r\\n]`;

/**
 * A column of text for a CSV file that a spreadsheet may open: a value that it would run gets a single quote in front,
 * as OWASP advises against CSV injection. Constant text but for the name of the column.
 */
export function csvText(column: string): string {
  return `if(match(${column}, '${formula}'), concat('''', ${column}), ${column})`;
}
