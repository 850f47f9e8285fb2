/** How every command ends, as `tidemark --help` and the documentation tell it. */
export const exitCodes = {
  done: 0,
  failed: 1,
  misused: 2,
  unreachable: 3,
  notFound: 4,
  refused: 5,
  /** A bound of size, time or room on the disk: nothing was done, or it was undone. */
  limited: 6,
  interrupted: 130,
  /** 128 and the number of SIGPIPE: what a shell reports of a program that wrote into a closed pipe. */
  pipeClosed: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.done, 'done'],
  [exitCodes.failed, 'failed, or what was looked at is not as it should be'],
  [exitCodes.misused, 'wrong use or configuration; nothing was done'],
  [exitCodes.unreachable, 'no collector answers at the address'],
  [exitCodes.notFound, 'the collector knows no such agent, run, task or segment'],
  [exitCodes.refused, 'the collector does not know the key, or the key may not do this'],
  [exitCodes.limited, 'a limit of size, time or room on the disk was reached; nothing is left of what was begun'],
  [exitCodes.interrupted, 'interrupted'],
  [exitCodes.pipeClosed, 'the reader of the output went away'],
];
