import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';

/** Makes a private file that is not there yet, on the disk when it returns. Throws the error of the file system. */
export function writeDurably(path: string, text: string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What was renamed, made or removed in it is on the disk when it returns. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
