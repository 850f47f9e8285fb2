import type { Environment } from '../../core/environment.js';
import { misused } from './command-error.js';
import type { ExitCode } from './exit-codes.js';
import type { Output } from './output.js';

/** What a command has of the process it runs in. */
export interface CommandContext {
  readonly env: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly out: Output;
  readonly err: Output;
  /** Ends the process as it is, for what has open handles that nobody closes. */
  exit(code: number): never;
  /**
   * Aborted by the first SIGINT or SIGTERM after the first call; the second ends the process. A command that never
   * calls it is ended by the first.
   */
  interruption(): AbortSignal;
}

/** One option of a command. Its name is that of its key, `dataDir` as `--data-dir`. */
export interface Option<Value> {
  /** Null: a switch, without a value. */
  readonly placeholder: string | null;
  readonly says: string;
  readonly isRequired: boolean;
  /** All values there are, for help and completion. */
  readonly choices?: readonly string[];
  readonly fallback: Value;
  /** Of a value that was given. Throws CommandError `misused`. */
  parse(text: string, name: string): Value;
}

export interface Argument<Value> {
  readonly placeholder: string;
  readonly says: string;
  readonly isRequired: boolean;
  readonly isList: boolean;
  readonly choices?: readonly string[];
  parse(texts: readonly string[]): Value;
}

type OptionTable = Readonly<Record<string, Option<unknown>>>;
type ArgumentTable = Readonly<Record<string, Argument<unknown>>>;
type OptionValues<Table> = { readonly [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never };
type ArgumentValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Argument<infer Value> ? Value : never;
};

interface Example {
  readonly command: string;
  readonly says: string;
}

interface CommandSpec<Options extends OptionTable, Arguments extends ArgumentTable> {
  /** Beside the summary of the table: what it does, and what it does not. */
  readonly about: string;
  readonly arguments: Arguments;
  readonly options: Options;
  readonly examples: readonly Example[];
  /** What it does not know is handed on as `rest`, instead of being refused. */
  readonly keepsUnknown?: boolean;
  run(
    context: CommandContext,
    input: {
      readonly options: OptionValues<Options>;
      readonly args: ArgumentValues<Arguments>;
      readonly rest: readonly string[];
    },
  ): Promise<ExitCode>;
}

export interface GivenInput {
  /** By key; a switch as `true`, a value as it was written. */
  readonly options: Readonly<Record<string, unknown>>;
  /** As written, in order; those of a list as one array. */
  readonly args: readonly unknown[];
  /** Of a command that keeps what it does not know. */
  readonly rest: readonly string[];
}

/** A command as the frame sees it, without the types of its values. */
export interface Command {
  readonly about: string;
  readonly arguments: readonly Argument<unknown>[];
  readonly options: ReadonlyMap<string, Option<unknown>>;
  readonly examples: readonly Example[];
  readonly keepsUnknown: boolean;
  run(context: CommandContext, given: GivenInput): Promise<ExitCode>;
}

export function defineCommand<const Options extends OptionTable, const Arguments extends ArgumentTable>(
  spec: CommandSpec<Options, Arguments>,
): Command {
  const options = Object.entries(spec.options);
  const args = Object.entries(spec.arguments);
  return {
    about: spec.about,
    examples: spec.examples,
    keepsUnknown: spec.keepsUnknown ?? false,
    arguments: args.map(([, argument]) => argument),
    options: new Map(options),
    run(context, given) {
      const optionValues = options.map(([key, option]) => [key, optionValue(option, given.options[key], flagOf(key))]);
      const argumentValues = args.map(([key, argument], index) => {
        return [key, argument.parse(textsOf(given.args[index]))];
      });
      return spec.run(context, {
        options: Object.fromEntries(optionValues) as OptionValues<Options>,
        args: Object.fromEntries(argumentValues) as ArgumentValues<Arguments>,
        rest: given.rest,
      });
    },
  };
}

function textsOf(given: unknown): readonly string[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? given.map(String) : [String(given)];
}

function optionValue(option: Option<unknown>, given: unknown, name: string): unknown {
  if (given === undefined) {
    if (option.isRequired) throw misused(`${name} <${option.placeholder}> is missing`);
    return option.fallback;
  }
  return option.placeholder === null ? true : option.parse(String(given), name);
}

/** `--data-dir` of `dataDir`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function toggle(says: string): Option<boolean> {
  return { placeholder: null, says, isRequired: false, fallback: false, parse: () => true };
}

export function text(placeholder: string, says: string): Option<string | undefined> {
  return { placeholder, says, isRequired: false, fallback: undefined, parse: (given, name) => filled(given, name) };
}

export function requiredText(placeholder: string, says: string): Option<string> {
  return { placeholder, says, isRequired: true, fallback: '', parse: (given, name) => filled(given, name) };
}

function filled(given: string, name: string): string {
  if (given === '') throw misused(`cannot use ${name}: its value is empty`);
  return given;
}

export function choice<const Value extends string, const Fallback extends Value | undefined>(
  choices: readonly Value[],
  options: { readonly says: string; readonly fallback: Fallback },
): Option<Value | Fallback> {
  const told = options.fallback === undefined ? '' : ` (${options.fallback} when not given)`;
  return {
    placeholder: choices.join('|'),
    says: `${options.says}${told}`,
    isRequired: false,
    choices,
    fallback: options.fallback,
    parse(given, name) {
      const value = choices.find((each) => each === given);
      if (value === undefined) throw misused(`cannot use ${name} ${given}: it is one of ${choices.join(', ')}`);
      return value;
    },
  };
}

interface IntegerBounds {
  readonly min: number;
  readonly max: number;
}

export function integer<const Fallback extends number | undefined>(
  placeholder: string,
  options: IntegerBounds & { readonly says: string; readonly fallback: Fallback },
): Option<number | Fallback> {
  const told = options.fallback === undefined ? '' : ` (${options.fallback} when not given)`;
  return {
    placeholder,
    says: `${options.says}${told}`,
    isRequired: false,
    fallback: options.fallback,
    parse: (given, name) => wholeNumber(given, name, options),
  };
}

export function requiredInteger(
  placeholder: string,
  options: IntegerBounds & { readonly says: string },
): Option<number> {
  return {
    placeholder,
    says: options.says,
    isRequired: true,
    fallback: options.min,
    parse: (given, name) => wholeNumber(given, name, options),
  };
}

function wholeNumber(given: string, name: string, { min, max }: IntegerBounds): number {
  const value = Number(given);
  if (/^\d{1,15}$/.test(given) && value >= min && value <= max) return value;
  throw misused(`cannot use ${name} ${given}: it is not a whole number from ${min} to ${max}`);
}

export function argument(placeholder: string, says: string): Argument<string> {
  return {
    placeholder,
    says,
    isRequired: true,
    isList: false,
    parse([given = '']) {
      if (given === '') throw misused(`cannot use ${placeholder}: it is empty`);
      return given;
    },
  };
}

export function chosenArgument<const Value extends string>(
  placeholder: string,
  options: { readonly choices: readonly Value[]; readonly says: string },
): Argument<Value> {
  const { choices, says } = options;
  return {
    placeholder,
    says: `${says}: ${choices.join(', ')}`,
    isRequired: true,
    isList: false,
    choices,
    parse([given = '']) {
      const value = choices.find((each) => each === given);
      if (value === undefined) throw misused(`cannot use ${placeholder} ${given}: it is one of ${choices.join(', ')}`);
      return value;
    },
  };
}

/** Null when it is left out. */
export function optionalArgument(placeholder: string, says: string): Argument<string | null> {
  return { ...argument(placeholder, says), isRequired: false, parse: ([given = null]) => given };
}

/** None, one or more. */
export function argumentList(placeholder: string, says: string): Argument<readonly string[]> {
  return { placeholder, says, isRequired: false, isList: true, parse: (given) => given };
}
