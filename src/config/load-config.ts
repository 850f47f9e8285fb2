import { parseArgs } from 'node:util';
import type { Environment } from '../core/environment.js';
import { notJson } from '../core/json-fault.js';
import { type Config, configFields, configTable, type FieldTree, isField } from './config.js';
import type { Machine } from './config-field.js';
import { nearestName } from './nearest-name.js';
import { brokenRelations } from './relations.js';

export interface ConfigInputs {
  readonly env: Environment;
  readonly machine: Machine;
  /** The JSON file that `configSource` names, when it names one. */
  readonly file?: { readonly path: string; readonly text: string };
  /** Command line after the script: `--config <path>`, `--check-config`. */
  readonly argv?: readonly string[];
}

export type LoadedConfig =
  | { readonly config: Config; readonly problems?: never }
  /** Every problem, each with the variable or the file's path, the value and what is allowed. */
  | { readonly problems: readonly string[]; readonly config?: never };

/** What the command line and the environment say before the configuration itself is read. */
export interface ConfigSource {
  /** The JSON file to read: `--config`, else `TIDEMARK_CONFIG`. */
  readonly path: string | undefined;
  /** Print the effective configuration and exit. */
  readonly checkOnly: boolean;
  readonly problems: readonly string[];
}

const fileVariable = 'TIDEMARK_CONFIG';
/**
 * Of the command line: where a collector is, the key to ask it with, what to trust and to show over https. A shell that
 * has them may start one too.
 */
const clientVariables = [
  'TIDEMARK_URL',
  'TIDEMARK_KEY',
  'TIDEMARK_CLIENT_CA_FILE',
  'TIDEMARK_CLIENT_CERT_FILE',
  'TIDEMARK_CLIENT_KEY_FILE',
];

export function configSource(inputs: Pick<ConfigInputs, 'env' | 'argv'>): ConfigSource {
  const fromEnv = inputs.env[fileVariable] || undefined;
  try {
    const { values } = parseArgs({
      args: [...(inputs.argv ?? [])],
      options: { config: { type: 'string' }, 'check-config': { type: 'boolean' } },
    });
    return { path: values.config ?? fromEnv, checkOnly: values['check-config'] ?? false, problems: [] };
  } catch (error) {
    const cause = error instanceof Error ? error.message.split('. ')[0] : String(error);
    const problem = `command line: ${cause}; allowed: --config <path>, --check-config`;
    return { path: fromEnv, checkOnly: false, problems: [problem] };
  }
}

/**
 * The configuration: environment over file over defaults. Pure; reports all problems at once.
 * An empty variable counts as not set, because compose files pass those.
 */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const problems = [...configSource(inputs).problems];
  const settings = new Map<string, Setting>();
  if (inputs.file !== undefined) readFile(inputs.file, settings, problems);
  readEnvironment(inputs.env, settings, problems);

  const values = new Map<string, unknown>();
  const invalid = new Set<string>();
  for (const { path, field } of configFields) {
    const setting = settings.get(path);
    values.set(path, field.defaultFor(inputs.machine));
    if (setting === undefined) continue;
    const parsed = field.schema.safeParse(setting.value);
    if (parsed.success) {
      values.set(path, parsed.data);
      continue;
    }
    invalid.add(path);
    const found = field.secret ? 'the value (not shown)' : setting.written;
    problems.push(`${setting.where}: ${found} is not allowed; allowed: ${field.allowed}`);
  }
  const config = freezeDeep(assemble(configTable, values, '')) as Config;
  problems.push(...brokenRelations(config, invalid, (path) => named(path, settings, values)));
  return problems.length > 0 ? { problems } : { config };
}

/** A setting as problems name it: where it was set, else its variable, and its value when that is a number. */
function named(path: string, settings: ReadonlyMap<string, Setting>, values: ReadonlyMap<string, unknown>): string {
  const variable = configFields.find((field) => field.path === path)?.variable ?? path;
  const value = values.get(path);
  return `${settings.get(path)?.where ?? variable}${typeof value === 'number' ? ` (${value})` : ''}`;
}

interface Setting {
  /** Where it was set, as problems name it. */
  readonly where: string;
  readonly value: unknown;
  /** As written, for the message. */
  readonly written: string;
}

function readEnvironment(env: Environment, settings: Map<string, Setting>, problems: string[]): void {
  const byVariable = new Map(configFields.map((named) => [named.variable, named]));
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('TIDEMARK_') || variable === fileVariable || isForeign(variable)) continue;
    if (clientVariables.includes(variable)) continue;
    if (text === undefined || text === '') continue;
    const named = byVariable.get(variable);
    if (named === undefined) problems.push(unknownName(variable, [...byVariable.keys(), fileVariable], 'variable'));
    else settings.set(named.path, { where: variable, value: named.field.parse(text), written: JSON.stringify(text) });
  }
}

/** Kubernetes sets these for a service called `tidemark`; our own tests use the other prefix. */
function isForeign(variable: string): boolean {
  return /^TIDEMARK_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP)|TEST_)/.test(variable);
}

function readFile(file: NonNullable<ConfigInputs['file']>, settings: Map<string, Setting>, problems: string[]): void {
  let root: unknown;
  try {
    root = JSON.parse(file.text);
  } catch (error) {
    problems.push(`${file.path}: cannot read the configuration: the file is ${notJson(error, file.text)}`);
    return;
  }
  const byPath = new Map(configFields.map((named) => [named.path, named]));
  walk(root, configTable, '');

  function walk(node: unknown, tree: FieldTree, prefix: string): void {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) {
      problems.push(`${file.path}: ${prefix === '' ? 'the file' : prefix.slice(0, -1)} must hold a JSON object`);
      return;
    }
    for (const [name, value] of Object.entries(node)) {
      const path = `${prefix}${name}`;
      const known = Object.hasOwn(tree, name) ? tree[name] : undefined;
      if (known === undefined) problems.push(`${file.path}: ${unknownName(path, [...byPath.keys()], 'key')}`);
      else if (!isField(known)) walk(value, known, `${path}.`);
      else settings.set(path, { where: `${file.path}: ${path}`, value, written: JSON.stringify(value) });
    }
  }
}

function unknownName(name: string, known: readonly string[], what: 'variable' | 'key'): string {
  const nearest = nearestName(name, known);
  return `${name}: no such ${what}${nearest === undefined ? '' : `, did you mean ${nearest}?`}`;
}

function assemble(tree: FieldTree, values: ReadonlyMap<string, unknown>, prefix: string): object {
  return Object.fromEntries(
    Object.entries(tree).map(([name, node]) => {
      const path = `${prefix}${name}`;
      return [name, isField(node) ? values.get(path) : assemble(node, values, `${path}.`)];
    }),
  );
}

function freezeDeep<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const part of Object.values(value)) freezeDeep(part);
  }
  return value;
}
