import { readFileSync } from 'node:fs';
import { configFields } from '../config/config.js';
import { type ErrorSpec, errorTable } from '../core/errors.js';
import { type EventField, eventFields } from '../core/event-schema.js';
import { contentKeys, eventTypes, fieldsRequiredBy, terminalTypes } from '../core/event-types.js';
import { packageFile } from '../core/package-root.js';
import { metricsTable } from '../telemetry/metrics-reference.js';
import { commandReference, exitCodeRows } from './reference-commands.js';
import { figuresTable, type Summary } from './reference-figures.js';
import { type ScaleCosts, scaleCosts, scaleTable } from './reference-scale.js';

/** A generated table: the page it stands in, the name of its markers there, and its Markdown. */
export interface ReferenceSection {
  readonly page: string;
  readonly name: string;
  readonly content: string;
}

/** Every table of the documentation made of what the program itself runs on, and that of the bench's figures. */
export async function referenceSections(): Promise<readonly ReferenceSection[]> {
  return [
    { page: 'docs/events.md', name: 'event-types', content: typeTable() },
    { page: 'docs/events.md', name: 'events', content: fieldTable() },
    { page: 'docs/errors.md', name: 'errors', content: errorRows() },
    { page: 'docs/configuration.md', name: 'configuration', content: configRows() },
    { page: 'docs/metrics.md', name: 'metrics', content: metricsTable() },
    { page: 'docs/command-line.md', name: 'exit-codes', content: exitCodeRows(table) },
    { page: 'docs/command-line.md', name: 'commands', content: await commandReference(table) },
    { page: 'README.md', name: 'figures', content: figuresTable(benchSummary()) },
    { page: 'docs/scaling.md', name: 'scale-costs', content: scaleCosts(benchScale()) },
    { page: 'docs/scaling.md', name: 'scale', content: scaleTable(benchScale()) },
  ];
}

function benchSummary(): Summary {
  return JSON.parse(readFileSync(packageFile('bench/results/summary.json'), 'utf8')) as Summary;
}

function benchScale(): ScaleCosts {
  return JSON.parse(readFileSync(packageFile('bench/results/scale.json'), 'utf8')) as ScaleCosts;
}

/**
 * `text` with the lines between `<!-- begin:name -->` and `<!-- end:name -->` replaced by the section of that name;
 * `missing` are the sections without such a pair of markers.
 */
export function rewriteSections(
  text: string,
  sections: readonly Pick<ReferenceSection, 'name' | 'content'>[],
): { readonly text: string; readonly missing: readonly string[] } {
  const missing: string[] = [];
  let rewritten = text;
  for (const { name, content } of sections) {
    const [begin, end] = [`<!-- begin:${name} -->`, `<!-- end:${name} -->`];
    const from = rewritten.indexOf(begin);
    const to = rewritten.indexOf(end, from);
    if (from < 0 || to < 0) missing.push(name);
    else rewritten = `${rewritten.slice(0, from + begin.length)}\n\n${content}\n\n${rewritten.slice(to)}`;
  }
  return { text: rewritten, missing };
}

function typeTable(): string {
  const terminal: ReadonlySet<string> = new Set(terminalTypes);
  const names = Object.keys(eventTypes) as (keyof typeof eventTypes)[];
  const rows = names.map((type) => {
    const required = ['agent_id', ...fieldsRequiredBy(type)].map(code).join(', ');
    return [code(type), required, terminal.has(type) ? 'yes' : ''];
  });
  return table(['type', 'needs, beside `type`', 'carries usage into the rollups'], rows);
}

function fieldTable(): string {
  const fields: readonly EventField[] = eventFields;
  const rows = fields.map((field) => [code(field.name), field.group, valueText(field), field.meaning]);
  const refused = `Keys refused in maps unless the tenant opted in: ${contentKeys.map(code).join(', ')}.`;
  return `${table(['field', 'group', 'value', 'meaning'], rows)}\n\n${refused}`;
}

/** What a payload may hold for a field, in words. */
function valueText(field: EventField): string {
  const characters = field.charactersMax?.toLocaleString('en-US');
  switch (field.kind) {
    case 'string':
      return field.truncate ? `text, cut after ${characters} characters` : `text, at most ${characters} characters`;
    case 'time':
      return 's, ms, us or ns since the epoch, RFC 3339 text with an offset, or MessagePack timestamp';
    case 'number':
    case 'integer':
      return `${field.kind}, ${bound(field.min)} to ${bound(field.max)}`;
    case 'hash':
      return 'text of 16 hex digits, or an integer from 0: in JSON below 2^53, in MessagePack below 2^64';
    case 'enum':
      return Object.keys(field.values ?? {})
        .filter((value) => value !== '' && field.name !== 'type')
        .map(code)
        .concat(field.name === 'type' ? ['one of the types above'] : [])
        .join(' ');
    case 'scalar_map':
      return mapText(field, 'scalars');
    case 'string_map':
      return mapText(field, 'texts');
    case 'string_list':
      return `list of at most ${field.entriesMax} texts of ${characters} characters`;
  }
}

function mapText({ entriesMax, keyCharactersMax, charactersMax }: EventField, values: string): string {
  return `map of at most ${entriesMax} keys of ${keyCharactersMax} characters to ${values} of ${charactersMax}`;
}

function bound(value: number | undefined): string {
  return value?.toLocaleString('en-US') ?? '';
}

function errorRows(): string {
  const specs: readonly (readonly [string, ErrorSpec])[] = Object.entries(errorTable);
  const rows = specs.map(([name, spec]) => [
    code(name),
    String(spec.httpStatus),
    spec.closeCode === null ? '' : String(spec.closeCode),
    spec.retryable ? 'yes' : '',
    spec.meaning,
  ]);
  return table(['code', 'HTTP', 'close', 'retry', 'meaning'], rows);
}

function configRows(): string {
  const rows = configFields.map(({ variable, path, field }) => [
    `${code(variable)}<br>${code(path)}`,
    field.defaultText,
    field.allowed,
    field.meaning,
  ]);
  return table(['variable, and path in the file', 'default', 'allowed', 'meaning'], rows);
}

/** Every variable, commented out, with what it is and its default: the text of `.env.example`. */
export function environmentExample(): string {
  const head = [
    '# What the collector reads from its environment; `docker compose` and `node --env-file` take this file as .env.',
    '# A line that is commented out shows the default. Written by `npm run reference`.',
    '',
    '# A JSON file of the same settings; the environment wins over it.',
    '#TIDEMARK_CONFIG=',
  ];
  const lines = configFields.flatMap(({ variable, field }) => {
    const preset = exampleValue(field.defaultText);
    const note = preset === '' && field.defaultText !== '' ? ` Default: ${field.defaultText}.` : '';
    return ['', ...wrapped(`${field.meaning} Allowed: ${field.allowed}.${note}`), `#${variable}=${preset}`];
  });
  return `${[...head, ...lines].join('\n')}\n`;
}

/** A default that can be written down as it is. */
function exampleValue(text: string): string {
  const plain = text.replaceAll('`', '');
  if (/^[\d,]+$/.test(plain)) return plain.replaceAll(',', '');
  return /^[\w./:-]+$/.test(plain) && plain !== 'none' && plain !== 'unset' ? plain : '';
}

function wrapped(text: string): string[] {
  const lines: string[] = ['#'];
  for (const word of text.replaceAll('`', '').replaceAll('<br>', ' ').split(' ')) {
    const last = lines.length - 1;
    if (lines[last]!.length + word.length + 1 > lineCharactersMax) lines.push(`# ${word}`);
    else lines[last] += ` ${word}`;
  }
  return lines;
}

const lineCharactersMax = 118;

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A pipe ends a cell and an angle bracket starts a tag, `<br>` aside. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<(?!br>)/g, '&lt;');
}
