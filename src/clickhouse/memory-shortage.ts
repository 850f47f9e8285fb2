/**
 * 241 is said when a statement wants more memory than one may have, and when all together have what the engine may
 * take: its words tell that, of newer and older versions.
 */
export function isMemoryTaken(number: number | null, message: string): boolean {
  return number === 241 && totalPattern.test(message);
}

const totalPattern = /\(total\) memory limit|memory limit \(total\)/i;
