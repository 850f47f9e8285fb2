import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { describeMachine, renderReport } from './bench-report.js';
import type { BenchResults } from './budget.js';
import { runMicro } from './micro.js';
import { resultsDirectory, saveResults } from './result-file.js';
import { measureIdle } from './scenarios/idle.js';
import { measurePaced } from './scenarios/paced.js';
import { measureQueries } from './scenarios/queries.js';
import { measureCollectorAlone, measureThroughput } from './scenarios/throughput.js';

const usage = `usage: bench [--scenario <name>,…] [--seconds 10] [--rate <events a second>] [--idle-seconds 30]
             [--stored-events 10000000] [--profile]
       scenarios: micro, idle, maps, positional, json, maps-ws, positional-ws, alone, paced, queries;
       -ws is of WebSockets served by ws in place of uWebSockets.js
`;

/**
 * `npm run bench [-- --scenario maps,positional --seconds 10 --rate 50000 --idle-seconds 30 --profile]`
 *
 * Each scenario has a collector of its own, on a fresh directory. A scenario in which an event is lost, rejected or
 * counted twice is void: the bench ends with exit code 1. Results go to `bench/results/` as JSON, and with `--profile`
 * a CPU profile of each thread of the collector, which costs some of what is measured.
 */
const scenarioNames = [
  'micro',
  'idle',
  'maps',
  'positional',
  'json',
  'maps-ws',
  'positional-ws',
  'alone',
  'paced',
  'queries',
] as const;
type ScenarioName = (typeof scenarioNames)[number];

const usualScenarios: readonly ScenarioName[] = ['micro', 'idle', 'maps', 'positional', 'alone', 'paced', 'queries'];

interface BenchOptions {
  readonly seconds: number;
  readonly idleSeconds: number;
  /** Events per second of the paced scenario; 0: half of what the positional one reached. */
  readonly rate: number;
  /** Events in the store of the queries scenario. */
  readonly storedEvents: number;
  /** Of the collectors under load. */
  readonly nodeFlags: readonly string[];
}

/** Rate of the paced scenario when nothing was measured to halve. */
const pacedRateDefault = 50_000;

async function runScenario(name: ScenarioName, options: BenchOptions, results: BenchResults): Promise<void> {
  const { seconds, idleSeconds, nodeFlags } = options;
  if (name === 'micro') results.micro = await runMicro();
  else if (name === 'idle') results.idle = await measureIdle({ seconds: idleSeconds });
  else if (name === 'queries') results.queries = await measureQueries({ events: options.storedEvents });
  else if (name === 'alone') results.alone = await measureCollectorAlone({ format: 'positional', seconds, nodeFlags });
  else if (name === 'paced')
    results.paced = await measurePaced({ rate: pacedRate(options, results), seconds, nodeFlags });
  else if (name === 'maps-ws' || name === 'positional-ws') {
    const format = name === 'maps-ws' ? 'maps' : 'positional';
    results[name] = await measureThroughput({ format, seconds, nodeFlags, httpServer: 'node' });
  } else results[name] = await measureThroughput({ format: name, seconds, nodeFlags });
}

function pacedRate(options: BenchOptions, results: BenchResults): number {
  if (options.rate > 0) return options.rate;
  const reached = results.positional?.storedPerSecond;
  return reached === undefined ? pacedRateDefault : Math.round(reached / 2);
}

function parseScenarios(list: string): ScenarioName[] {
  return list.split(',').map((name) => {
    const known = scenarioNames.find((scenario) => scenario === name);
    if (known === undefined) throw new Error(`cannot run scenario "${name}": there are ${scenarioNames.join(', ')}`);
    return known;
  });
}

async function main(): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: usualScenarios.join(',') },
      seconds: { type: 'string', default: '10' },
      'idle-seconds': { type: 'string', default: '30' },
      rate: { type: 'string', default: '0' },
      'stored-events': { type: 'string', default: '10000000' },
      profile: { type: 'boolean', default: false },
    },
  });
  const options = {
    seconds: Number(values.seconds),
    idleSeconds: Number(values['idle-seconds']),
    rate: Number(values.rate),
    storedEvents: Number(values['stored-events']),
    nodeFlags: values.profile ? ['--cpu-prof', `--cpu-prof-dir=${resultsDirectory}`] : [],
  };
  const machine = describeMachine();
  const results: BenchResults = {};
  for (const name of parseScenarios(values.scenario)) {
    process.stderr.write(`running ${name} …\n`);
    try {
      await runScenario(name, options, results);
    } catch (error) {
      process.stderr.write(`scenario ${name} is void: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
  process.stdout.write(`\n${renderReport(machine, results)}`);
  const path = saveResults('bench', { at: new Date().toISOString(), machine, options, results });
  process.stderr.write(`\nwritten to ${path}\n`);
}

await main();
