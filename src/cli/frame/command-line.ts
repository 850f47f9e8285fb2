import { CommanderError, type CommandOptions, Command as Parser, Option as ParserOption } from 'commander';
import { CollectorError, type ErrorCode, errorMessage } from '../../core/errors.js';
import { type Command, type CommandContext, flagOf, type GivenInput } from './command.js';
import type { CommandEntry, CommandGroup, CommandSection } from './command-entry.js';
import { CommandError } from './command-error.js';
import { commandSections } from './command-table.js';
import { type ExitCode, exitCodeMeanings, exitCodes } from './exit-codes.js';

/**
 * `tidemark <command> …`: parses, runs the command and returns the exit code; whatever it throws becomes one line on
 * stderr. Without a command it is `serve`, so that one word starts a collector.
 */
export async function runCommandLine(
  argv: readonly string[],
  context: CommandContext,
  about: { readonly version: string },
): Promise<ExitCode> {
  if (argv[0] === completionWord) {
    const { answerCompletion } = await import('./completion.js');
    await answerCompletion(commandSections, argv.slice(argv[1] === '--' ? 2 : 1), context.out);
    return exitCodes.done;
  }
  const words = fullWords(argv);
  let exitCode: ExitCode = exitCodes.done;
  const program = await createProgram(words, context, async (command, given) => {
    exitCode = await command.run(context, given);
  });
  program.version(about.version, '-V, --version', 'print the version');
  try {
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return answerMisuse(error, words, context);
    const code = exitCodeOf(error);
    const isMisuse = error instanceof CommandError && code === exitCodes.misused;
    context.err.line(`tidemark: ${describeFailure(error)}${isMisuse ? whereToRead(words) : ''}`);
    return code;
  }
}

/** What the scripts of `tidemark completion` call; for no one else, so help does not tell it. */
const completionWord = 'complete';

/** `help runs` is `runs --help`; no command, or an option in its place, is `serve`. */
function fullWords(argv: readonly string[]): readonly string[] {
  const [first = '', ...rest] = argv;
  if (first === 'help') return [...rest.filter((word) => !word.startsWith('-')), '--help'];
  if (['-h', '--help', '-V', '--version'].includes(first)) return [first];
  return first === '' || first.startsWith('-') ? ['serve', ...argv] : argv;
}

type Runner = (command: Command, given: GivenInput) => Promise<void>;

async function createProgram(words: readonly string[], context: CommandContext, run: Runner): Promise<Parser> {
  const program = configured(new Parser('tidemark'), context);
  program.description('Tidemark, an edge collector for the telemetry of AI agents.');
  program.usage('<command> [options]');
  for (const section of commandSections) await addSection(program, section, { words, context, run });
  program.addHelpText('after', `\n${programNotes()}`);
  return program;
}

interface Adding {
  readonly words: readonly string[];
  readonly context: CommandContext;
  readonly run: Runner;
}

async function addSection(program: Parser, section: CommandSection, adding: Adding): Promise<void> {
  program.commandsGroup(section.title);
  for (const entry of section.entries) {
    if ('commands' in entry) await addGroup(program, entry, adding);
    else await addCommand(program, entry, adding, adding.words[0]);
  }
}

async function addGroup(program: Parser, group: CommandGroup, adding: Adding): Promise<void> {
  const parser = added(program, group.name, group.summary, adding.context);
  parser.usage('<command> [options]').commandsGroup('commands:');
  for (const entry of group.commands) {
    await addCommand(parser, entry, adding, adding.words[0] === group.name ? adding.words[1] : undefined);
  }
}

async function addCommand(
  parent: Parser,
  entry: CommandEntry,
  adding: Adding,
  chosen: string | undefined,
): Promise<void> {
  const parser = added(parent, entry.name, entry.summary, adding.context);
  if (entry.alias !== undefined) parser.alias(entry.alias);
  if (chosen !== entry.name && (chosen === undefined || chosen !== entry.alias)) return;
  const command = await entry.load();
  describe(parser, command);
  parser.action(async (...given: unknown[]) => {
    await adding.run(command, {
      options: parser.opts(),
      args: given.slice(0, command.arguments.length),
      rest: parser.args.slice(command.arguments.length),
    });
  });
}

/** What a program and its commands have in common; a sub-command does not inherit all of it. */
function configured(parser: Parser, context: CommandContext): Parser {
  const { out, err } = context;
  parser.exitOverride().helpCommand(false).helpOption('-h, --help', 'say how it is used');
  parser.configureOutput({
    writeOut: (text) => out.write(text),
    writeErr: (text) => err.write(text),
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(out.columns, helpColumnsMax),
    getErrHelpWidth: () => Math.min(err.columns, helpColumnsMax),
    getOutHasColors: () => out.hasColor,
    getErrHasColors: () => err.hasColor,
  });
  parser.configureHelp({
    // "usage:" and "options:", as the titles of the command sections are written.
    styleTitle: (title) => out.paint('bold', title.toLowerCase()),
    subcommandTerm: (command) => command.name(),
  });
  return parser;
}

const helpColumnsMax = 110;

function added(parent: Parser, name: string, summary: string, context: CommandContext): Parser {
  const options: CommandOptions = {};
  return configured(parent.command(name, options), context).summary(summary).description(summary);
}

function describe(parser: Parser, command: Command): void {
  if (command.keepsUnknown) parser.allowUnknownOption().allowExcessArguments();
  parser.description(`${sentence(parser.summary())}\n\n${command.about}`);
  for (const { placeholder, says, isRequired, isList } of command.arguments) {
    const name = isList ? `${placeholder}...` : placeholder;
    parser.argument(isRequired ? `<${name}>` : `[${name}]`, says);
  }
  for (const [key, { placeholder, says, isRequired }] of command.options) {
    const flags = placeholder === null ? flagOf(key) : `${flagOf(key)} <${placeholder}>`;
    parser.addOption(new ParserOption(flags, isRequired ? `${says} (required)` : says));
  }
  const examples = command.examples.map(({ command: words, says }) => `  ${words}\n      ${says}`);
  parser.addHelpText('after', `\nexamples:\n${examples.join('\n')}`);
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function programNotes(): string {
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`);
  return [
    'examples:',
    '  tidemark serve                  start a collector on this machine',
    '  tidemark keys create --help     say how a command is used, with an example',
    '',
    'exit codes:',
    ...codes,
  ].join('\n');
}

/** Help and version were asked for and are printed; all else is one line. */
function answerMisuse(error: CommanderError, words: readonly string[], { err }: CommandContext): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  // A group without a command: its help is printed.
  if (error.code === 'commander.help') return exitCodes.misused;
  const told = error.message.replace(/^error: /, '').replace(/\n\((D|d)id you mean (.*)\?\)$/s, ', did you mean $2?');
  err.line(`tidemark: ${told.replace(/\.$/, '')}${whereToRead(words)}`);
  return exitCodes.misused;
}

function whereToRead(words: readonly string[]): string {
  return `; see ${['tidemark', ...knownPath(words)].join(' ')} --help`;
}

/** The words in front that name a group or a command. */
function knownPath(words: readonly string[]): readonly string[] {
  const entry = commandSections.flatMap(({ entries }) => entries).find(({ name }) => name === words[0]);
  if (entry === undefined) return [];
  const inner = 'commands' in entry ? entry.commands.find(({ name, alias }) => [name, alias].includes(words[1])) : null;
  return [entry.name, inner?.name ?? []].flat();
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof CollectorError && misconfigured.has(error.code) ? exitCodes.misused : exitCodes.failed;
}

/** The same configuration would fail again. */
const misconfigured: ReadonlySet<ErrorCode> = new Set(['config_invalid', 'data_dir_unusable']);

/** One line for what an operator can mend: our own errors, and what the system refuses. A stack for the rest. */
function describeFailure(error: unknown): string {
  if (error instanceof CommandError || error instanceof CollectorError || !(error instanceof Error)) {
    return errorMessage(error);
  }
  return 'syscall' in error ? error.message : `${error.message}\n${error.stack}`;
}
