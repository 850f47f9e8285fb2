import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { packageFile } from '../src/core/package-root.js';
import { type Tidemark, tidemark } from '../src/sdk/index.js';
import { describeMachine, machineText } from './bench-report.js';
import { freePort } from './free-port.js';

const usage = `usage: bench:sdk [--steps 1000000] [--python python3]
`;

/**
 * `npm run bench:sdk [-- --steps 10000000]`
 *
 * What a step of the SDK costs its host, beside a function that does nothing: CPU time of this process, all threads,
 * with whatever encodes and sends; the collector is a process that acknowledges everything. Steps are told in tasks of
 * ten, as an agent would; memory is looked at after each tenth of the way. With `--python`, a Python that has
 * websockets and msgpack, its SDK is measured in the same way, in five rounds of a fiftieth of the steps each.
 */
async function main(): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: { steps: { type: 'string', default: '1000000' }, python: { type: 'string' } },
  });
  const steps = Number(values.steps);
  const sink = await startSink();
  try {
    const empty = await costOf(steps, async () => undefined);
    const off = await measure(steps, tidemark({ agent: 'bench', signals: false }));
    const url = `ws://127.0.0.1:${sink.port}`;
    const on = await measure(steps, tidemark({ url, key: 'k', agent: 'bench', overflow: 'block', signals: false }));
    process.stdout.write(
      `${machineText(describeMachine())}\n\n` +
        `an empty asynchronous function  ${empty.us.toFixed(2)} us of CPU\n` +
        `a step, without a url           ${off.us.toFixed(2)} us\n` +
        `a step, sent and acknowledged   ${on.us.toFixed(2)} us, ${on.events} events\n` +
        `RSS after each tenth            ${on.rssMb.join(' ')} MB\n`,
    );
    if (values.python !== undefined) await measurePython(values.python, Math.ceil(steps / 50), sink.port);
    if (on.events !== on.acked) throw new Error(`${on.acked} of ${on.events} events were acknowledged`);
  } finally {
    sink.child.kill('SIGTERM');
  }
}

interface Cost {
  readonly us: number;
  readonly rssMb: readonly number[];
}

async function measure(
  steps: number,
  tm: Tidemark,
): Promise<Cost & { readonly events: number; readonly acked: number }> {
  const stepsOfTask = 10;
  const cost = await costOf(
    steps / stepsOfTask,
    () =>
      tm.task('task', async () => {
        for (let step = 0; step < stepsOfTask; step += 1) await tm.tool('tool', async () => undefined);
      }),
    () => tm.flush({ timeoutMs: 60_000 }),
  );
  const { offered: events, acked } = tm.stats();
  await tm.close();
  return { ...cost, us: cost.us / stepsOfTask, events, acked };
}

/** A tenth more is done before, so that everything is compiled. */
async function costOf(
  turns: number,
  work: () => Promise<unknown>,
  settle: () => Promise<unknown> = async () => undefined,
): Promise<Cost> {
  for (let turn = 0; turn < turns / 10; turn += 1) await work();
  await settle();
  const rssMb: number[] = [];
  const before = process.cpuUsage();
  for (let tenth = 0; tenth < 10; tenth += 1) {
    for (let turn = 0; turn < turns / 10; turn += 1) await work();
    rssMb.push(Math.round(process.memoryUsage.rss() / 1_048_576));
  }
  await settle();
  const { user, system } = process.cpuUsage(before);
  return { us: (user + system) / turns, rssMb };
}

async function measurePython(python: string, steps: number, port: number): Promise<void> {
  const script = fileURLToPath(packageFile('src/sdk-python/bench/overhead.py'));
  const env = {
    ...process.env,
    PYTHONPATH: fileURLToPath(packageFile('src/sdk-python')),
    TIDEMARK_URL: `http://127.0.0.1:${port}`,
    TIDEMARK_KEY: 'k',
  };
  const child = spawn(python, [script, String(steps)], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${python} ended with ${code}`);
}

/** A process that acknowledges, so that its CPU is not ours. */
async function startSink(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const port = await freePort();
  const child = fork(fileURLToPath(packageFile('dist/bench/sdk-sink.js')), [String(port)]);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`the sink ended with ${code}`)));
  });
  return { child, port };
}

await main();
