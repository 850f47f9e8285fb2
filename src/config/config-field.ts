import { z } from 'zod';

/** What a default may depend on. */
export interface Machine {
  /** Processors this process may use. */
  readonly cpus: number;
}

/** One setting: what it may hold, what it holds when nobody sets it, and what its page says of it. */
export interface ConfigField<Value> {
  readonly isField: true;
  readonly schema: z.ZodType<Value>;
  /** Reads the value of an environment variable; text that is no such value comes back as it is. */
  readonly parse: (text: string) => unknown;
  readonly defaultFor: (machine: Machine) => Value;
  /** The default as its page prints it. */
  readonly defaultText: string;
  /** The values it may have, for people. */
  readonly allowed: string;
  readonly meaning: string;
  /** Never printed. */
  readonly secret: boolean;
}

interface NumberOptions {
  readonly default: number | { readonly of: (machine: Machine) => number; readonly text: string };
  readonly min: number;
  readonly max: number;
}

/** A whole number from `min` to `max`. */
export function integer(options: NumberOptions, meaning: string): ConfigField<number> {
  const schema = z.int().min(options.min).max(options.max);
  return numberField(schema, `an integer from ${grouped(options.min)} to ${grouped(options.max)}`, {
    ...options,
    meaning,
  });
}

/** A number from `min` to `max`, usually a share of something. */
export function ratio(options: NumberOptions, meaning: string): ConfigField<number> {
  const schema = z.number().min(options.min).max(options.max);
  return numberField(schema, `a number from ${options.min} to ${options.max}`, { ...options, meaning });
}

function numberField(
  schema: z.ZodType<number>,
  allowed: string,
  options: NumberOptions & { readonly meaning: string },
): ConfigField<number> {
  const preset = options.default;
  const fixed = typeof preset === 'number';
  return {
    isField: true,
    schema,
    parse: (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text),
    defaultFor: fixed ? () => preset : preset.of,
    defaultText: fixed ? grouped(preset) : preset.text,
    allowed,
    meaning: options.meaning,
    secret: false,
  };
}

interface TextOptions<Value> {
  readonly default: Value;
  readonly allowed: string;
  readonly meaning: string;
  readonly secret?: true;
}

/** A string that matches `pattern`. */
export function text(options: TextOptions<string> & { readonly pattern: RegExp }): ConfigField<string> {
  return textField(z.string().regex(options.pattern), options);
}

/** A string that matches `pattern`, or null when it is not set. */
export function optionalText(
  options: Omit<TextOptions<null>, 'default'> & { readonly pattern: RegExp },
): ConfigField<string | null> {
  return textField(z.string().regex(options.pattern).nullable(), { ...options, default: null });
}

/** One of a few names. */
export function choice<const Name extends string>(
  names: readonly Name[],
  options: { readonly default: NoInfer<Name>; readonly meaning: string },
): ConfigField<Name> {
  return textField(z.enum(names), { ...options, allowed: names.join(', ') });
}

function textField<Value extends string | null>(
  schema: z.ZodType<Value>,
  options: TextOptions<Value>,
): ConfigField<Value> {
  return {
    isField: true,
    schema,
    parse: (value) => value,
    defaultFor: () => options.default,
    defaultText: options.default === null || options.default === '' ? 'unset' : options.default,
    allowed: options.allowed,
    meaning: options.meaning,
    secret: options.secret ?? false,
  };
}

/** A list without repetitions, empty unless set; `parse` reads its environment form. */
export function list<Item>(options: {
  readonly item: z.ZodType<Item>;
  /** Two items of one identity are a repetition. */
  readonly identity: (item: Item) => string;
  readonly parse: (text: string) => unknown;
  readonly allowed: string;
  readonly meaning: string;
  readonly secret?: true;
}): ConfigField<readonly Item[]> {
  return {
    isField: true,
    schema: z
      .array(options.item)
      .refine((items) => new Set(items.map(options.identity)).size === items.length)
      .readonly(),
    parse: options.parse,
    defaultFor: () => [],
    defaultText: 'none',
    allowed: options.allowed,
    meaning: options.meaning,
    secret: options.secret ?? false,
  };
}

/** The environment form of a list. */
/** Origins as browsers write them. */
export function originList(meaning: string): ConfigField<readonly string[]> {
  return list({
    item: z.string().regex(/^(\*|[a-z][a-z0-9+.-]{0,31}:\/\/[a-z0-9._:[\]-]{1,255})$/),
    identity: (origin) => origin,
    parse: splitList,
    allowed: 'origins such as https://grafana.example.com, in lower case and without a path, separated by commas, or *',
    meaning,
  });
}

export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** 1048576 as 1,048,576: for people only. */
function grouped(value: number): string {
  return Number.isInteger(value) && value >= 10_000 ? value.toLocaleString('en-US') : String(value);
}
