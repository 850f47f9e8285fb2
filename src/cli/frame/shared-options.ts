import { text, toggle } from './command.js';

export const jsonOption = { json: toggle('answer as JSON, for programs') };

/** Of commands that work on the files of a collector instead of asking it. */
export const localOptions = {
  config: text('PATH', 'a JSON file with the configuration of the collector'),
  dataDir: text('PATH', 'its data directory (that of the configuration when not given)'),
};
