import { writeSync } from 'node:fs';
import { errorMessage } from '../core/errors.js';
import type { CommandContext } from './frame/command.js';
import { runCommandLine } from './frame/command-line.js';
import { exitCodes } from './frame/exit-codes.js';
import { Output } from './frame/output.js';
import { packageVersion } from './package-version.js';

/** Runs a command line in this process; its exit code is set, and the process ends once nothing is open. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithoutOutput);
  const version = packageVersion();
  try {
    process.exitCode = await runCommandLine(argv, processContext(), { version });
  } catch (error) {
    process.stderr.write(`tidemark: ${errorMessage(error)}\n`);
    process.exitCode = exitCodes.failed;
  }
}

/** `| head -1` has what it wanted: the rest is not worth a word. */
function endWithoutOutput(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(exitCodes.pipeClosed);
  try {
    writeSync(process.stderr.fd, `tidemark: cannot write what it has to say: ${error.message}\n`);
  } catch {
    // Nor can this be said.
  }
  process.exit(exitCodes.failed);
}

function processContext(): CommandContext {
  let interruption: AbortController | null = null;
  return {
    env: process.env,
    stdin: process.stdin,
    out: new Output(process.stdout, process.env),
    err: new Output(process.stderr, process.env),
    exit: (code) => process.exit(code),
    interruption() {
      if (interruption !== null) return interruption.signal;
      const controller = new AbortController();
      interruption = controller;
      const onSignal = (): void => {
        if (controller.signal.aborted) process.exit(exitCodes.interrupted);
        controller.abort();
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
      return controller.signal;
    },
  };
}
