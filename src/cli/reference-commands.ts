import { flagOf } from './frame/command.js';
import type { CommandEntry } from './frame/command-entry.js';
import { commandSections } from './frame/command-table.js';
import { exitCodeMeanings } from './frame/exit-codes.js';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** Every command as its own `--help` tells it: what it does, its options, and examples. */
export async function commandReference(table: Table): Promise<string> {
  const parts: string[] = [];
  for (const { title, entries } of commandSections) {
    parts.push(`## ${heading(title)}`);
    for (const entry of entries) {
      if (!('commands' in entry)) parts.push(await commandPart([entry.name], entry, table));
      else for (const inner of entry.commands) parts.push(await commandPart([entry.name, inner.name], inner, table));
    }
  }
  return parts.join('\n\n');
}

/** `Administer it` of `administer it:`. */
function heading(title: string): string {
  return `${title.charAt(0).toUpperCase()}${title.slice(1).replace(/:$/, '')}`;
}

async function commandPart(path: readonly string[], entry: CommandEntry, table: Table): Promise<string> {
  const command = await entry.load();
  const places = command.arguments.map(({ placeholder, isRequired, isList }) => {
    const name = isList ? `${placeholder}...` : placeholder;
    return isRequired ? ` ${name}` : ` [${name}]`;
  });
  const options = [...command.options].map(([key, { placeholder, says, isRequired }]) => {
    const flag = placeholder === null ? flagOf(key) : `${flagOf(key)} ${placeholder}`;
    return [`\`${flag}\``, isRequired ? `${says} (required)` : says];
  });
  const examples = command.examples.flatMap(({ command: words, says }) => [`# ${says}`, words]);
  return [
    `### tidemark ${path.join(' ')}`,
    `\`tidemark ${path.join(' ')}${places.join('')}\`: ${entry.summary}. ${command.about}`,
    ...(options.length === 0 ? [] : [table(['option', 'says'], options)]),
    ['```sh', ...examples, '```'].join('\n'),
  ].join('\n\n');
}

export function exitCodeRows(table: Table): string {
  return table(
    ['code', 'means'],
    exitCodeMeanings.map(([code, meaning]) => [String(code), meaning]),
  );
}
