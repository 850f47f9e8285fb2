import { errorMessage } from './errors.js';

/** What an operator does when the system refuses a file, by Node's code; no word for what has no usual cause. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk: free some, bytes or files (df, df -i), or choose another TIDEMARK_DATA_DIR',
  EDQUOT: 'the quota of the user is used up: raise it, or choose another TIDEMARK_DATA_DIR',
  EACCES: 'give it to the user who runs the collector (chown -R), or choose another TIDEMARK_DATA_DIR',
  EPERM: 'give it to the user who runs the collector (chown -R), or choose another TIDEMARK_DATA_DIR',
  EROFS: 'it is on a read-only file system: choose another TIDEMARK_DATA_DIR',
  EMFILE: 'raise the limit of open files (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container)',
  ENFILE: 'raise the number of files that the system may have open (fs.file-max)',
  EIO: 'the disk fails: see the log of the system, and move TIDEMARK_DATA_DIR to another',
};

/** What a file operation failed for, and what to do about it. */
export function fileFailure(error: unknown): string {
  const remedy = remedyOf(error);
  return remedy === null ? errorMessage(error) : `${errorMessage(error)}; ${remedy}`;
}

/** Null when there is none; looks at what caused the error as well. */
function remedyOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < causesMax; at = at.cause, depth++) {
    const remedy = 'code' in at ? remedies[String(at.code)] : undefined;
    if (remedy !== undefined) return remedy;
  }
  return null;
}

const causesMax = 8;
