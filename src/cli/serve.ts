import type { Collector } from '../collector.js';
import { describeConfig, readConfig } from '../config/read-config.js';
import { holdingClock, systemClock, systemRandom } from '../core/clock.js';
import type { CollectorReport } from '../core/collector-report.js';
import type { Environment } from '../core/environment.js';
import { CollectorError, type ErrorCode, errorMessage } from '../core/errors.js';
import { fileFailure } from '../core/file-remedy.js';
import type { Logger } from '../core/logger.js';
import { adminKeyProblem, readAdminKey } from '../ingest/key-file.js';
import { LogOutput, patientTerminal } from '../telemetry/log-output.js';
import { createLoggedProgress } from '../telemetry/logged-progress.js';
import { createLogger } from '../telemetry/logger.js';
import { packageVersion } from './package-version.js';
import { createBarProgress, ProgressBars } from './progress-bar.js';

/**
 * Starts a collector in this process: signals and exit code are its own.
 * 0: stopped as asked; 1: failed; 2: the configuration has problems, or its data directory cannot be, nothing started.
 */
export async function serve(env: Environment, argv: readonly string[]): Promise<void> {
  try {
    await start(env, argv);
  } catch (error) {
    fail(error);
  }
}

async function start(env: Environment, argv: readonly string[]): Promise<void> {
  const { config, checkOnly } = readConfig({ env, argv });
  if (checkOnly) {
    process.stdout.write(`${describeConfig(config)}\n`);
    return;
  }
  const isTerminal = process.stdout.isTTY === true;
  const onDropped = (lines: number) => logger.warn({ lines }, 'lines before this one could not be written to the log');
  const output = outputTo(process.stdout, onDropped);
  const bars = process.stderr.isTTY === true ? barsOn(isTerminal ? output : outputTo(process.stderr)) : null;
  const destination = isTerminal && bars !== null ? bars.above(output) : output.stream();
  const logger = createLogger({ level: config.logLevel, pretty: isTerminal, destination });
  const progress =
    bars === null
      ? createLoggedProgress({ clock: systemClock, logger })
      : createBarProgress({ clock: systemClock, bars });
  const version = packageVersion();
  // Apart from what reads the configuration: modules that are imported together are open at once.
  const { createCollector } = await import('../collector.js');
  const collector = createCollector(
    { clock: systemClock, random: systemRandom, logger, progress, logLinesDropped: () => output.dropped },
    { config, version },
  );
  onSignals({ collector, logger }, { stopDeadlineMs: config.stopDeadlineMs, isTerminal });
  try {
    const report = await keepingAlive(collector.start());
    bars?.hide();
    output.write(welcome(report, version));
  } catch (error) {
    // A signal came before it had started: what the stop says ends the process.
    if (!(error instanceof CollectorError && error.code === 'stopping')) throw error;
  }
}

function outputTo(
  stream: { readonly fd: number; readonly isTTY?: boolean },
  onDropped?: (lines: number) => void,
): LogOutput {
  const fd = stream.isTTY === true ? patientTerminal(stream.fd) : stream.fd;
  const output = new LogOutput({ clock: systemClock }, onDropped === undefined ? { fd } : { fd, onDropped });
  process.on('exit', () => output.end());
  return output;
}

/** On the terminal of stderr, of which the log may be as well. */
function barsOn(output: LogOutput): ProgressBars {
  return new ProgressBars({
    write: (text) => output.write(text),
    get columns() {
      return process.stderr.columns;
    },
  });
}

/**
 * Timers of the system clock let the process end. A start, or the stop after one that failed, which waits for nothing
 * but one of them would end it with code 0 and without a word.
 */
async function keepingAlive<Result>(work: Promise<Result>): Promise<Result> {
  const alive = holdingClock.setTimer(timerMsMax, () => undefined);
  try {
    return await work;
  } finally {
    alive.cancel();
  }
}

/** 24 days; the start of a collector is shorter. */
const timerMsMax = 2 ** 31 - 1;

/**
 * A second signal ends the process at once: what is acknowledged is on disk. A terminal that is closed stops what it
 * shows. Without one nobody's leaving means a stop: `nohup` asks for no more than that, and Node undoes what it does.
 */
function onSignals(
  { collector, logger }: { readonly collector: Collector; readonly logger: Logger },
  { stopDeadlineMs, isTerminal }: { readonly stopDeadlineMs: number; readonly isTerminal: boolean },
): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    keepingAlive(collector.stop(stopDeadlineMs)).then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Of one terminal several may come.
  const hangUp = () => (stopping ? undefined : stop());
  process.on('SIGHUP', isTerminal ? hangUp : () => logger.info({}, 'SIGHUP stops only what a terminal shows'));
}

function welcome(report: CollectorReport, version: string): string {
  const { url, storeUrl, dataDir, generatedAdminKey, generatedReaderPassword, keysFromConfig } = report;
  const key = generatedAdminKey ?? (keysFromConfig ? '<key>' : `$(cat ${dataDir}/admin-key)`);
  return [
    '',
    `  Tidemark ${version} is listening on ${url}, its data is in ${dataDir}`,
    `  ClickHouse: ${storeUrl}`,
    ...(generatedReaderPassword === null
      ? []
      : ['', `  Password of its read-only user default, shown once: ${generatedReaderPassword}`]),
    ...(generatedAdminKey === null ? [] : ['', `  Admin key of tenant default, shown once: ${generatedAdminKey}`]),
    '',
    `  Open in a browser: ${pageLink(report)}`,
    '',
    '  Send a first event:',
    '',
    `    curl ${url}/v1/events -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" \\`,
    `      -d '{"type":"task.completed","agent_id":"my-agent","task_id":"task-1","duration_ms":1234}'`,
    '',
    '  See it:',
    '',
    `    curl ${url}/api/v1/agents/my-agent/live -H "Authorization: Bearer ${key}"`,
    '',
    '',
  ].join('\n');
}

/**
 * Signs in whoever opens it: what stands behind the `#` is sent to nobody. The key is in it when it was made just now,
 * and on a terminal of a user who may read it; output that goes elsewhere may be kept, and be read by others.
 */
function pageLink({ url, dataDir, generatedAdminKey, keysFromConfig }: CollectorReport): string {
  const key = generatedAdminKey ?? (keysFromConfig || process.stdout.isTTY !== true ? null : tryReadAdminKey(dataDir));
  return key === null ? `${url}/` : `${url}/#key=${key}`;
}

/** Null when it is not there, not ours to read, or not a key of this collector any more. */
function tryReadAdminKey(dataDir: string): string | null {
  return adminKeyProblem(dataDir) === null ? readAdminKey(dataDir) : null;
}

function fail(error: unknown): never {
  const invalid = error instanceof CollectorError && misconfigured.has(error.code);
  process.stderr.write(`tidemark: ${describeFailure(error)}\n`);
  process.exit(invalid ? 2 : 1);
}

/** The same configuration would fail again. */
const misconfigured: ReadonlySet<ErrorCode> = new Set(['config_invalid', 'data_dir_unusable']);

/** One line for what an operator can mend: our own errors, and what the system refuses. A stack for the rest. */
function describeFailure(error: unknown): string {
  if (error instanceof CollectorError || !(error instanceof Error)) return errorMessage(error);
  return 'syscall' in error ? `cannot start: ${fileFailure(error)}` : `${error.message}\n${error.stack}`;
}
