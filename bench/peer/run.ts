import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import { describeMachine, machineText } from '../bench-report.js';
import { saveResults } from '../result-file.js';
import { buildOtelPrograms } from './otelcol.js';
import { type PeerFigures, renderPeers } from './peer-report.js';
import { measureOtelcol, measurePlainWriter, measureTidemark } from './writers.js';

const usage = `usage: bench:peer [--events 500000] [--only <name>]
`;

/**
 * `npm run bench:peer [-- --events 500000 --only otelcol]`
 *
 * The same events into the same embedded engine by several writers, one after another, each on a fresh directory: this
 * collector; the OpenTelemetry Collector with its ClickHouse exporter, built with Go (skipped aloud where there is
 * none); a plain Node writer. CPU is that of the writer and of the engine; what sends the events is not counted. A
 * writer whose events are not all in the store is an error.
 */
async function main(): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: { events: { type: 'string', default: '500000' }, only: { type: 'string', default: '' } },
  });
  const events = Number(values.events);
  const writers = writersOf(events).filter(({ name }) => name.includes(values.only));
  const figures: PeerFigures[] = [];
  for (const { name, measure } of writers) {
    process.stderr.write(`${name} …\n`);
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-peer-'));
    try {
      const measured = await measure(directory);
      if (measured !== null) figures.push({ name, ...measured });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  const machine = describeMachine();
  process.stdout.write(`${machineText(machine)}\n\n${renderPeers(figures)}`);
  process.stderr.write(
    `written to ${saveResults('peer', { at: new Date().toISOString(), machine, events, figures })}\n`,
  );
}

interface Writer {
  readonly name: string;
  /** Null: it cannot be measured here, and that was said. */
  readonly measure: (directory: string) => Promise<Omit<PeerFigures, 'name'> | null>;
}

function writersOf(events: number): Writer[] {
  const otelcol = (queue: 'memory' | 'file' | 'synced file'): Writer => ({
    name: `otelcol, queue in ${queue === 'memory' ? 'memory' : `a ${queue}`}`,
    measure: async (directory) => {
      const programs = buildOtelPrograms();
      return programs === null ? null : await measureOtelcol({ programs, directory, events, queue });
    },
  });
  return [
    { name: 'tidemark, positional', measure: () => measureTidemark({ format: 'positional', events }) },
    { name: 'tidemark, maps', measure: () => measureTidemark({ format: 'maps', events }) },
    otelcol('memory'),
    otelcol('file'),
    otelcol('synced file'),
    { name: 'plain Node writer', measure: () => measurePlainWriter({ events }) },
  ];
}

await main();
