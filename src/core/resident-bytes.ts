/** Resident memory of this process; null where the system does not tell it, as in a chroot without /proc. */
export function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss();
  } catch {
    return null;
  }
}
