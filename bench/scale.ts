import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { gzipSync } from 'node:zlib';
import { answerHelp } from '../src/cli/help.js';
import { packageFile } from '../src/core/package-root.js';
import { CollectorProcess } from './collector-process.js';
import { runLoad } from './load.js';
import { untilStored } from './store-watch.js';

const usage = 'usage: bench:scale [--seconds N]\n';

/**
 * `npm run bench:scale`: what an event takes at the collector and at the store, in CPU time and on the disk, and writes
 * `bench/results/scale.json`, of which `npm run reference` makes the tables of docs/scaling.md. Merges are let run for
 * as long as the load did, so that their CPU and what they save on the disk are in.
 */
async function main(args: readonly string[]): Promise<number> {
  answerHelp(usage);
  const seconds = args[0] === '--seconds' ? Number(args[1]) : 8;
  const collector = await CollectorProcess.start();
  try {
    const before = collector.cpuMsByPart();
    const report = await runLoad(collector, { format: 'positional', seconds, rate: 0 });
    await untilStored(collector, report);
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
    const after = collector.cpuMsByPart();
    const perEvent = (ms: number) => Number(((1_000 * ms) / report.events).toFixed(2));
    const result = {
      command: 'npm run bench:scale',
      where: `${cpus().length} × ${cpus()[0]?.model ?? '?'}, Node ${process.version}`,
      events: report.events,
      collectorCpuUs: perEvent(after.collector - before.collector),
      engineCpuUs: perEvent(after.engine - before.engine),
      ...(await diskOf(collector, report.events)),
      ...(await compressionOf(collector)),
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(packageFile('bench/results/scale.json'), `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await collector.stop();
  }
  return 0;
}

/** Bytes an event on the disk, by how long its rows are kept. */
async function diskOf(collector: CollectorProcess, events: number) {
  const history = "match(table, 'history|tasks|runs|run_activity|failures')";
  const sum = await collector.queryOne<Record<'raw' | 'history' | 'whole', number | string>>(`
    SELECT sumIf(bytes_on_disk, table = 'agent_events_raw_v1') AS raw, sumIf(bytes_on_disk, ${history}) AS history,
      sum(bytes_on_disk) AS whole
    FROM system.parts WHERE active AND database = 'tidemark'`);
  const of = (bytes: number) => Number((bytes / events).toFixed(2));
  const [raw, kept, whole] = [Number(sum.raw), Number(sum.history), Number(sum.whole)];
  return { rawBytes: of(raw), historyBytes: of(kept), rollupBytes: of(whole - raw - kept) };
}

/** Of the rows of an insert, as they would travel to a server. */
async function compressionOf(collector: CollectorProcess) {
  const columns = 'SELECT * FROM agent_events_raw_v1 LIMIT 100000';
  const rows = Buffer.from(await collector.read(columns, 'Native'));
  const startedUs = process.cpuUsage().user;
  const packed = gzipSync(rows, { level: 1 });
  const takenUs = process.cpuUsage().user - startedUs;
  return {
    insertBytes: Number((rows.length / 100_000).toFixed(1)),
    gzipRatio: Number((rows.length / packed.length).toFixed(1)),
    gzipCpuUs: Number((takenUs / 100_000).toFixed(2)),
  };
}

process.exitCode = await main(process.argv.slice(2));
