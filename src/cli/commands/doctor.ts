import { tlsOptions } from '../frame/collector-address.js';
import { defineCommand, text } from '../frame/command.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

export const doctorCommand = defineCommand({
  about:
    'Looks at configuration, Node and socket server, data directory, keys and their file modes, ports, disk and its ' +
    'sync time, clock, the collector, ClickHouse, its tables, parts and what should have expired, the spool and what ' +
    'is set aside, and changes nothing. Each finding says what to do. With a collector running it is asked, without ' +
    'one its files are looked at. What cannot be asked is not known, and not wrong. Exit code 0: no fault; 1: a fault.',
  arguments: {},
  options: {
    url: text('URL', 'address of the collector (or TIDEMARK_URL; that of the configuration when not given)'),
    key: text('KEY', 'a key with scope read (or TIDEMARK_KEY; the admin key of the data directory when not given)'),
    ...tlsOptions,
    ...localOptions,
    ...jsonOption,
  },
  examples: [
    { command: 'tidemark doctor', says: 'with the environment of the collector, where it runs' },
    { command: 'tidemark doctor --json | jq \'.findings[] | select(.severity == "fault")\'', says: 'faults alone' },
  ],
  async run(context, { options }) {
    const { runDoctor } = await import('../doctor/doctor-report.js');
    return runDoctor(context, options);
  },
});
