/** Percent to two decimals, a half to the even neighbour: as the engine rounds, and Python. Null of nothing. */
export function roundedRate(part: number, whole: number): number | null {
  if (whole === 0) return null;
  const hundredths = ((100 * part) / whole) * 100;
  const below = Math.floor(hundredths);
  const rest = hundredths - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return (isUp ? below + 1 : below) / 100;
}
