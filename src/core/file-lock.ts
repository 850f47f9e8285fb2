/** A lock of the kernel's on an open file: it ends with the last process that has the descriptor, however that ends. */
export interface HeldLock {
  readonly fd: number;
  /** Closes our descriptor. */
  release(): void;
}

export interface FileLocker {
  /** Null when another process has it. Makes the file when it is missing. Throws CollectorError `data_dir_unusable`. */
  tryLock(path: string): HeldLock | null;
  /** The same of a directory. `unsupported`: its file system locks files only. */
  tryLockDirectory(path: string): HeldLock | null | 'unsupported';
}
