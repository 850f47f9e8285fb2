import { readFileSync } from 'node:fs';
import type { Environment } from '../core/environment.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import { type Config, configFields } from './config.js';
import { grantedCpus } from './granted-cpus.js';
import { configSource, loadConfig } from './load-config.js';

export interface ReadConfig {
  readonly config: Config;
  /** `--check-config` was given: print `describeConfig` and exit 0. */
  readonly checkOnly: boolean;
}

/**
 * What a process edge calls: the configuration of this machine, from the environment, the command line after
 * the script (without options of the caller's own) and the JSON file they name.
 * Throws CollectorError `config_invalid` whose message lists all problems, one a line; the exit code is 2.
 */
export function readConfig(inputs: { readonly env: Environment; readonly argv: readonly string[] }): ReadConfig {
  const source = configSource(inputs);
  const file = source.path === undefined ? undefined : { path: source.path, ...readText(source.path) };
  const loaded = loadConfig({
    ...inputs,
    machine: { cpus: grantedCpus() },
    ...(file?.text === undefined ? {} : { file: { path: file.path, text: file.text } }),
  });
  const problems = [...(loaded.problems ?? []), ...(file?.problem === undefined ? [] : [file.problem])];
  if (loaded.config === undefined || problems.length > 0) {
    const list = problems.map((problem) => `  ${problem}`).join('\n');
    throw new CollectorError('config_invalid', `cannot use the configuration:\n${list}`);
  }
  return { config: loaded.config, checkOnly: source.checkOnly };
}

function readText(path: string): { readonly text?: string; readonly problem?: string } {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { problem: `${path}: cannot read the configuration: ${errorMessage(error)}` };
  }
}

const mask = '********';

/** The effective configuration as JSON, in the shape of the file; secrets that are set are masked. */
export function describeConfig(config: Config): string {
  const secretPaths = new Set(configFields.filter(({ field }) => field.secret).map(({ path }) => path));
  const masked = (value: unknown, path: string): unknown => {
    if (secretPaths.has(path)) return isUnset(value) ? value : mask;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, masked(part, path === '' ? name : `${path}.${name}`)]),
    );
  };
  return JSON.stringify(masked(config, ''), null, 2);
}

function isUnset(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
