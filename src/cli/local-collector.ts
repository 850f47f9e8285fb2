import { resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { readConfig } from '../config/read-config.js';
import type { Environment } from '../core/environment.js';

/** The configuration a collector of this environment would have, and its data directory. */
export function localCollector(
  env: Environment,
  given: { readonly config: string | undefined; readonly dataDir?: string | undefined },
): { readonly config: Config; readonly dataDir: string } {
  const { config } = readConfig({ env, argv: given.config === undefined ? [] : ['--config', given.config] });
  return { config, dataDir: resolve(given.dataDir ?? config.dataDir) };
}
