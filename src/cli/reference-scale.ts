/** What `npm run bench:scale` writes to `bench/results/scale.json`: costs of an event. */
export interface ScaleCosts {
  readonly command: string;
  readonly where: string;
  readonly events: number;
  /** Microseconds of CPU, all threads. */
  readonly collectorCpuUs: number;
  readonly engineCpuUs: number;
  /** Bytes on the disk, once merged: of rows kept 30 days, 90 days, and of sums. */
  readonly rawBytes: number;
  readonly historyBytes: number;
  readonly rollupBytes: number;
  /** Bytes an insert sends for it, and what gzip makes of them. */
  readonly insertBytes: number;
  readonly gzipRatio: number;
  readonly gzipCpuUs: number;
}

/** What is not measured but chosen, or taken from docs/benchmarks.md ("Where it goes"). */
export const assumptions = {
  /** Of the CPU of the collector, the share of its one main thread: 2.3 of 6.5 us. */
  mainShare: 0.35,
  /** Of the CPU of the engine, the share of inserts, one after another in the embedded engine: 4.2 of 6.2 us. */
  insertShare: 0.68,
  /** Of anything, so much is planned to be in use. */
  usedRatio: 0.5,
  coresOfServer: 32,
  diskOfServer: 20e12,
  embeddedCores: 4,
  /** Between two inserts of a collector that is not behind (`spool.segmentAgeMsMin`). */
  segmentSeconds: 0.8,
  /** Inserts whose tokens a shard remembers, of each collector or all (`replicated_deduplication_window`). */
  tokens: 10_000,
  rawDays: 30,
  historyDays: 90,
  rates: [10_000, 100_000, 1_000_000, 10_000_000],
} as const;

export interface ScalePlan {
  readonly rate: number;
  readonly collectors: number;
  readonly collectorCores: number;
  /** Of one replica of every shard. */
  readonly storeCores: number;
  /** By its cores, and by its disk; 0: the embedded engine does. */
  readonly shardsByCores: number;
  readonly shardsByDisk: number;
  readonly diskBytes: number;
  readonly networkBitsPerSecond: number;
  readonly insertsPerSecondAndShard: number;
  readonly tokenSeconds: number;
  readonly first: string;
}

export function planFor(rate: number, costs: ScaleCosts): ScalePlan {
  const { mainShare, insertShare, usedRatio, coresOfServer, segmentSeconds, tokens, embeddedCores } = assumptions;
  const mainRate = (usedRatio * 1e6) / (costs.collectorCpuUs * mainShare);
  const laneRate = (usedRatio * 1e6) / (costs.engineCpuUs * insertShare);
  const collectors = Math.ceil(rate / mainRate);
  const collectorCores = (rate * costs.collectorCpuUs) / 1e6 / usedRatio;
  const storeCores = (rate * costs.engineCpuUs) / 1e6 / usedRatio;
  const isEmbedded = collectors === 1 && rate <= laneRate && collectorCores + storeCores <= embeddedCores;
  const { rawDays, historyDays, diskOfServer } = assumptions;
  const day = rate * 86_400;
  const diskBytes = day * (costs.rawBytes * rawDays + (costs.historyBytes + costs.rollupBytes) * historyDays);
  const shardsByCores = isEmbedded ? 0 : Math.ceil(storeCores / coresOfServer);
  const shardsByDisk = isEmbedded ? 0 : Math.ceil(diskBytes / diskOfServer);
  const inserts = collectors / segmentSeconds / Math.max(shardsByCores, shardsByDisk, 1);
  return {
    rate,
    collectors,
    collectorCores,
    storeCores,
    shardsByCores,
    shardsByDisk,
    diskBytes,
    networkBitsPerSecond: isEmbedded ? 0 : rate * costs.insertBytes * 8,
    insertsPerSecondAndShard: inserts,
    tokenSeconds: tokens / inserts,
    first: firstToSaturate({ isEmbedded, collectors, shardsByCores, shardsByDisk, diskBytes }),
  };
}

function firstToSaturate(
  plan: Pick<ScalePlan, 'collectors' | 'shardsByCores' | 'shardsByDisk' | 'diskBytes'> & {
    readonly isEmbedded: boolean;
  },
): string {
  if (plan.isEmbedded) return plan.diskBytes > assumptions.diskOfServer / 4 ? 'the disk' : 'the processors';
  if (plan.shardsByDisk > plan.shardsByCores) return 'the disks of the shards, then the insert lane or main threads';
  return plan.collectors === 1 ? 'the insert lane' : 'the main threads of the collectors';
}

/** The table of docs/scaling.md, with where its costs were measured. */
export function scaleTable(costs: ScaleCosts): string {
  const rows = assumptions.rates.map((rate) => {
    const plan = planFor(rate, costs);
    const { shardsByCores, shardsByDisk } = plan;
    const store = shardsByCores === 0 ? 'embedded engine' : `${shardsByCores} / ${shardsByDisk}`;
    return [
      number(rate),
      String(plan.collectors),
      `${cores(plan.collectorCores)} / ${cores(plan.storeCores)}`,
      store,
      bytes(plan.diskBytes),
      plan.networkBitsPerSecond === 0 ? 'none' : bits(plan.networkBitsPerSecond),
      `${Number(plan.insertsPerSecondAndShard.toPrecision(2))} / ${span(plan.tokenSeconds)}`,
      plan.first,
    ];
  });
  const heads = [
    'events/s',
    'collectors',
    'cores, collectors / store',
    `shards by ${assumptions.coresOfServer} cores / by ${bytes(assumptions.diskOfServer)}`,
    'disk of a replica',
    'network of inserts',
    'inserts/s and shard / tokens kept',
    'saturates first',
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The costs the table is made of. */
export function scaleCosts(costs: ScaleCosts): string {
  const rows = [
    ['CPU in the collector', `${costs.collectorCpuUs} µs`],
    ['CPU in the engine, merges included', `${costs.engineCpuUs} µs`],
    ['raw rows on the disk', `${costs.rawBytes} bytes`],
    ['tasks, runs and failures on the disk', `${costs.historyBytes} bytes`],
    ['sums on the disk', `${costs.rollupBytes} bytes`],
    ['in an insert, all columns', `${costs.insertBytes} bytes`],
    ['the same gzipped', `${costs.gzipRatio} times smaller, ${costs.gzipCpuUs} µs more CPU in the collector`],
  ];
  return [
    `| of a positional event | \`${costs.command}\`, ${number(costs.events)} events, ${costs.where} |`,
    '| --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function cores(value: number): string {
  return value < 10 ? String(Number(value.toPrecision(2))) : number(Math.round(value));
}

function bytes(value: number): string {
  const terabytes = value / 1e12;
  return terabytes < 1 ? `${Math.round(value / 1e9)} GB` : `${Number(terabytes.toPrecision(2))} TB`;
}

function bits(value: number): string {
  return value < 1e9 ? `${Math.round(value / 1e6)} Mbit/s` : `${Number((value / 1e9).toPrecision(2))} Gbit/s`;
}

function span(seconds: number): string {
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Number((seconds / 3_600).toPrecision(2))} h`;
}
