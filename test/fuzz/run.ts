import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../../src/cli/help.js';
import type { LoopReport } from './fuzz-loop.js';
import type { GrowthReport } from './growth.js';
import { foundPath, keptPath } from './kept-inputs.js';
import { openTarget, type TargetName, targetNames } from './open-target.js';

/**
 * `npm run fuzz -- --seconds N [--target name] [--seed S] [--keep]`: the seconds are shared out over the targets, one
 * after another, each in a process of its own; a tenth of them goes to whether work grows as its input does. `--keep`
 * makes the inputs that reach all that was reached the corpus of the project. Exit code 1 when something was found;
 * `--target name --replay file` runs what was.
 */
const usage = 'usage: fuzz [--seconds 60] [--target <name>] [--seed 1] [--keep] [--replay <file>]\n';
answerHelp(usage);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
});

/** The engine takes milliseconds for a statement, the others fractions of one. */
const shares: Readonly<Record<TargetName, number>> = {
  'frame-decode': 4,
  'front-request': 3,
  'guard-engine': 5,
  'guard-tree': 2,
  'http-body': 3,
  'http-head': 2,
  secrets: 1,
};
const growthShare = 0.1;
/** For what is run before and after: inputs to begin with, and those that are kept. */
const graceSeconds = 120;
const withoutGrowth: ReadonlySet<TargetName> = new Set(['guard-engine']);

if (values.replay !== undefined) {
  const target = await openTarget(values.target ?? '');
  await target.run(Uint8Array.from(readFileSync(values.replay)));
  await target.close?.();
  process.exit(0);
}

const chosen = targetNames.filter((name) => values.target === undefined || values.target === name);
const allShares = chosen.reduce((sum, name) => sum + shares[name], 0);
const print = (text: string) => process.stdout.write(`${text}\n`);
let failed = chosen.length === 0;
if (failed) print(`no target ${values.target}: there are ${targetNames.join(', ')}`);
for (const name of chosen) {
  const seconds = (Number(values.seconds) * shares[name]) / allShares;
  const growthSeconds = withoutGrowth.has(name) ? 0 : growthShare * seconds;
  const loop = await told<LoopReport>('fuzz-loop.js', name, seconds - growthSeconds);
  if (loop === null) {
    failed = true;
    print(`${name}: FOUND the process did not survive; see ${foundPath(name, 'hang.bin')} or current.bin beside it`);
    continue;
  }
  describe(loop);
  const growth = growthSeconds === 0 ? null : await told<GrowthReport>('growth.js', name, growthSeconds);
  if (growth !== null) {
    print(`  growth: ${growth.stretched} inputs made long, the steepest ${growth.steepest}`);
  } else if (growthSeconds > 0) {
    failed = true;
    print(`  FOUND an input made long does not end; see ${foundPath(name, 'current.bin')}`);
  }
  const findings = [...loop.findings, ...(growth?.findings ?? [])];
  for (const finding of findings) print(`  FOUND ${finding}`);
  failed ||= findings.length > 0 || loop.slow > 0;
  if (values.keep) keep(name);
}
process.exitCode = failed ? 1 : 0;

function describe(told: LoopReport): void {
  const { target, seed, executions, seconds, reached, reachedAtStart, counters, slowest } = told;
  print(`${target}: ${executions} executions in ${seconds} s, seed ${seed}`);
  print(`  reached ${reached} of ${counters} counters, ${reached - reachedAtStart} of them new`);
  print(`  corpus ${told.corpus} inputs, ${told.kept} of them enough; slow inputs ${told.slow}`);
  const { ms, bytes, nsPerByte } = slowest;
  print(
    `  ns a byte: median ${told.medianNsPerByte}, worst ${Math.round(nsPerByte)} (${bytes} B in ${ms.toFixed(2)} ms)`,
  );
}

/** What the process printed at its end; null when it did not come to that. */
function told<Report>(module: string, name: TargetName, seconds: number): Promise<Report | null> {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const args = [path, name, String(seconds), values.seed];
  const timeout = 1_000 * Math.ceil(2 * seconds + graceSeconds);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout, killSignal: 'SIGKILL' });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code === 0 ? (JSON.parse(out) as Report) : null));
  });
}

function keep(name: TargetName): void {
  if (!existsSync(foundPath(name, 'kept.txt'))) return;
  mkdirSync(dirname(keptPath(name)), { recursive: true });
  copyFileSync(foundPath(name, 'kept.txt'), keptPath(name));
}
