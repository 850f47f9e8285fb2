import { holdingClock } from '../../core/clock.js';
import type { TlsOptions } from '../../sdk/tls-options.js';
import { tlsFiles } from '../frame/collector-address.js';
import type { CommandContext } from '../frame/command.js';
import { misused } from '../frame/command-error.js';
import { type ExitCode, exitCodes } from '../frame/exit-codes.js';
import type { Output } from '../frame/output.js';
import { printable } from '../frame/printable-text.js';
import { packageVersion } from '../package-version.js';
import { type DoctorReport, examine } from './doctor.js';
import type { Finding, Severity } from './finding.js';

interface DoctorCommandOptions extends TlsOptions {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
  readonly json: boolean;
}

/** Prints what was found. Exit code 1: a fault was. */
export async function runDoctor({ env, out }: CommandContext, given: DoctorCommandOptions): Promise<ExitCode> {
  const version = packageVersion();
  const url = given.url ?? (env.TIDEMARK_URL || undefined);
  if (url !== undefined && !/^https?:\/\//.test(URL.canParse(url) ? url : '')) {
    throw misused(`cannot use the address ${url}: it is no http:// or https:// URL`);
  }
  const report = await examine(holdingClock, {
    env,
    version,
    configPath: given.config,
    dataDir: given.dataDir,
    url,
    tls: tlsFiles(env, given),
    key: given.key ?? (env.TIDEMARK_KEY || undefined),
  });
  if (given.json) out.json(report);
  else for (const line of reportLines(report, out)) out.line(line);
  return report.worst === 'fault' ? exitCodes.failed : exitCodes.done;
}

const styles: Readonly<Record<Severity, Parameters<Output['paint']>[0]>> = {
  ok: 'green',
  warn: 'yellow',
  fault: 'red',
  unknown: 'gray',
};

const severityWidth = 9;
/** Narrower than this nothing is wrapped: words would stand one below the other. */
const columnsMin = 40;

/** A line a finding, and below it what to do, within the width of the terminal. */
function reportLines({ findings, worst }: DoctorReport, out: Pick<Output, 'columns' | 'paint'>): readonly string[] {
  const subjectWidth = Math.max(...findings.map(({ subject }) => subject.length)) + 2;
  const indent = severityWidth + subjectWidth;
  const width = Math.max(columnsMin, out.columns - indent);
  const lines = findings.flatMap(({ severity, subject, found, advice }) => {
    const [first = '', ...rest] = wrapped(printable(found), width);
    const head = `${out.paint(styles[severity], severity.padEnd(severityWidth))}${subject.padEnd(subjectWidth)}`;
    const todo = advice === null ? [] : wrapped(printable(`-> ${advice}`), width);
    return [`${head}${first}`, ...[...rest, ...todo].map((line) => `${' '.repeat(indent)}${line}`)];
  });
  return [...lines, '', out.paint(styles[worst], conclusion(findings))];
}

function conclusion(findings: readonly Finding[]): string {
  const count = (severity: Severity) => findings.filter((found) => found.severity === severity).length;
  const [faults, warnings, unasked] = [count('fault'), count('warn'), count('unknown')];
  const parts = [
    `${faults} ${faults === 1 ? 'fault' : 'faults'}`,
    `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`,
  ];
  return `${parts.join(', ')}, ${count('ok')} ok, ${unasked} not known`;
}

/** At blanks, so that no line is longer than `width`; a longer word stays whole. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
