import { type Command as Completed, RootCommand } from '@bomb.sh/tab';
import type { Command } from './command.js';
import type { CommandEntry, CommandSection } from './command-entry.js';
import type { Output } from './output.js';

/** Prints the script of a shell, which calls `tidemark complete -- <words>` when its user presses the tab key. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', out: Output): void {
  if (shell === 'bash') out.write(bashScript);
  else new RootCommand().setup('tidemark', 'tidemark', shell);
}

/**
 * Our own, because that of the library needs the package bash-completion, cannot be read twice, and evaluates the line
 * it completes.
 */
const bashScript = `# Completion of tidemark for bash.
_tidemark() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :0) COMPREPLY=(); compopt -o default 2>/dev/null ;;
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(tidemark complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _tidemark tidemark
`;

/** What the script asks: the words so far, the last of them unfinished or empty. */
export async function answerCompletion(
  sections: readonly CommandSection[],
  words: readonly string[],
  out: Output,
): Promise<void> {
  const root = new RootCommand();
  let chosen: Command | null = null;
  for (const { path, summary, entry } of entriesOf(sections)) {
    const isChosen = entry !== null && path.every((word, index) => words[index] === word) && words.length > path.length;
    const completed = root.command(path.join(' '), summary);
    if (!isChosen) continue;
    chosen = await entry.load();
    addOptions(completed, chosen);
  }
  if (chosen !== null && wantsFile(chosen, words)) out.line(`:${filesDirective}`);
  else root.parse([...words]);
}

/** Of the scripts: the shell completes names of files as it does everywhere. */
const filesDirective = 0;

interface NamedEntry {
  readonly path: readonly string[];
  readonly summary: string;
  /** Null: a group. */
  readonly entry: CommandEntry | null;
}

function entriesOf(sections: readonly CommandSection[]): readonly NamedEntry[] {
  return sections
    .flatMap((section) => section.entries)
    .flatMap((entry): readonly NamedEntry[] => {
      const { name, summary } = entry;
      if (!('commands' in entry)) return [{ path: [name], summary, entry }];
      const inner = entry.commands.map((each) => ({
        path: [name, each.name],
        summary: each.summary,
        entry: each,
      }));
      return [{ path: [name], summary, entry: null }, ...inner];
    });
}

function addOptions(completed: Completed, command: Command): void {
  const offering = (choices: readonly string[] = []) => {
    return (complete: (value: string, says: string) => void) => choices.forEach((each) => void complete(each, ''));
  };
  for (const [key, { placeholder, says, choices }] of command.options) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (placeholder === null) completed.option(name, says);
    else completed.option(name, says, offering(choices));
  }
  completed.option('help', 'say how it is used');
  for (const each of command.arguments) completed.argument(each.placeholder, offering(each.choices), each.isList);
}

const filePlaceholders: ReadonlySet<string | null> = new Set(['PATH', 'FILE']);

/** The value of an option that is a path, or an argument that is one. */
function wantsFile(command: Command, words: readonly string[]): boolean {
  const [before = '', last = ''] = words.slice(-2);
  if (last.startsWith('-')) return false;
  const option = before.startsWith('--')
    ? command.options.get(before.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    : undefined;
  if (option !== undefined && option.placeholder !== null) return filePlaceholders.has(option.placeholder);
  return command.arguments.some(({ placeholder }) => filePlaceholders.has(placeholder));
}
