/** Prints how a command is used and ends the process, when that is what it was asked. */
export function answerHelp(usage: string): void {
  if (!process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) return;
  process.stdout.write(usage);
  process.exit(0);
}
