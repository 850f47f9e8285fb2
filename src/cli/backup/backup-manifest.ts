import { createHash } from 'node:crypto';
import { CommandError } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';

/**
 * What a backup holds, in its last file, `MANIFEST`: lines of JSON.
 *
 *   {"format": 1, "version": "0.1.0", "taken_at": "…"}
 *   {"path": "spool/positions", "bytes": 120, "sha256": "…"}     a file
 *   {"path": "engine/db/metadata/x", "link": "../store/…"}       a symbolic link
 *   {"path": "engine/db/tmp"}                                    a directory
 *   {"entries": 3, "sha256": "…"}                                of all bytes before this line
 *
 * A backup that was cut has none, or one without its last line.
 */
export const manifestName = 'MANIFEST';
const manifestFormat = 1;

export interface ManifestHead {
  readonly version: string;
  readonly taken_at: string;
}

export interface ManifestEntry {
  /** Relative to the data directory, with slashes. */
  readonly path: string;
  /** Of a file. */
  readonly bytes?: number;
  readonly sha256?: string;
  /** Of a symbolic link: where it points, from where it lies. */
  readonly link?: string;
}

export interface Manifest {
  readonly head: ManifestHead;
  readonly entries: ReadonlyMap<string, ManifestEntry>;
}

export function manifestText(head: ManifestHead, entries: readonly ManifestEntry[]): string {
  const lines = [{ format: manifestFormat, ...head }, ...entries].map((line) => `${JSON.stringify(line)}\n`).join('');
  return `${lines}${JSON.stringify({ entries: entries.length, sha256: sha256Of(lines) })}\n`;
}

/** Throws CommandError that says what is wrong with it. */
export function parseManifest(text: string, version: string): Manifest {
  const cut = text.lastIndexOf('\n', text.length - 2) + 1;
  const last = tryLine(text.slice(cut));
  if (last?.sha256 !== sha256Of(text.slice(0, cut))) throw damaged(`its ${manifestName} is cut or damaged`);
  const [head, ...lines] = text
    .slice(0, cut)
    .trimEnd()
    .split('\n')
    .map((line) => tryLine(line) ?? {});
  if (head?.format !== manifestFormat) {
    const what = `Tidemark ${String(head?.version)} wrote it (format ${String(head?.format)}), this is ${version}`;
    throw damaged(`${what}; restore it with that version`);
  }
  const entries = lines as unknown as readonly ManifestEntry[];
  for (const { path, link } of entries) if (!isInside(path, link)) throw damaged(`it names ${String(path)}`);
  return {
    head: { version: String(head.version), taken_at: String(head.taken_at) },
    entries: new Map(entries.map((entry) => [entry.path, entry])),
  };
}

/** Nothing a backup names lies outside of the data directory, and no link of it points out of it. */
export function isInside(path: unknown, link?: string): path is string {
  if (typeof path !== 'string' || !isPlain(path.split('/'))) return false;
  if (link === undefined) return true;
  if (link.startsWith('/')) return false;
  let depth = path.split('/').length - 1;
  for (const step of link.split('/').filter((each) => each !== '' && each !== '.')) {
    depth += step === '..' ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

function isPlain(steps: readonly string[]): boolean {
  return steps.every((step) => step !== '' && step !== '.' && step !== '..' && !step.includes('\0'));
}

export function damaged(what: string): CommandError {
  return new CommandError(exitCodes.failed, `cannot use this backup: ${what}`);
}

function tryLine(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const found: unknown = JSON.parse(line);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
