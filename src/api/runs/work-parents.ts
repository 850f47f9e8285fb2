/** Where each unit of work hangs; null is the run. */
export interface ParentChoice<Unit> {
  /** As its events name it. */
  named(unit: Unit): Unit | null;
  /** Where it hangs when that cannot be: of a step its task, of anything else the run. Never forms a circle. */
  fallback(unit: Unit): Unit | null;
}

/**
 * The parent of each unit, without circles. Of a circle, the first unit that falls back to the run goes there; if none
 * does, the first falls back to its task, which may close one more circle, that the task then opens. So two moves
 * settle a circle, all of it takes O(n), and the outcome depends on the order of `units` alone.
 */
export function brokenCycles<Unit>(
  units: readonly Unit[],
  { named, fallback }: ParentChoice<Unit>,
): Map<Unit, Unit | null> {
  const parents = new Map<Unit, Unit | null>();
  for (const unit of units) parents.set(unit, named(unit));
  const order = new Map(units.map((unit, index) => [unit, index]));
  /** Units whose parents are known to end at the run. */
  const settled = new Set<Unit>();
  for (const unit of units) {
    for (let circle = walk(unit, parents, settled); circle.length > 0; circle = walk(unit, parents, settled)) {
      const ordered = circle.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      const moved = ordered.find((member) => fallback(member) === null) ?? ordered[0];
      if (moved !== undefined) parents.set(moved, fallback(moved));
    }
  }
  return parents;
}

/** Follows parents from a unit: settles all of them, or answers the circle it ran into. */
function walk<Unit>(from: Unit, parents: ReadonlyMap<Unit, Unit | null>, settled: Set<Unit>): Unit[] {
  const path = new Set<Unit>();
  let unit: Unit | null = from;
  while (unit !== null && !settled.has(unit)) {
    if (path.has(unit)) {
      const walked = [...path];
      return walked.slice(walked.indexOf(unit));
    }
    path.add(unit);
    unit = parents.get(unit) ?? null;
  }
  for (const member of path) settled.add(member);
  return [];
}
