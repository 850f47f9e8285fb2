import { type ExitCode, exitCodes } from './exit-codes.js';

/** Ends a command with one line on stderr and the exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function misused(message: string): CommandError {
  return new CommandError(exitCodes.misused, message);
}
