/** Where each unit of work hangs; null is the run. */
export interface ParentChoice<Unit> {
  /** As its events name it. */
  named(unit: Unit): Unit | null;
  /** Where it hangs when that cannot be: of a step its task, of anything else the run. Never forms a circle. */
  fallback(unit: Unit): Unit | null;
}

interface HangingUnit<Unit> {
  parent: Unit | null;
  /** The walk that passed it last, or `settled`: its parents are known to end at the run. */
  passed: number;
}

const settled = -1;

/**
 * Sets the parent of each unit, without circles. Of a circle, the first unit that falls back to the run goes there; if
 * none does, the first falls back to its task, which may close one more circle, that the task then opens. So two moves
 * settle a circle, all of it takes O(n), and the outcome depends on the order of `units` alone.
 */
export function setParents<Unit extends HangingUnit<Unit>>(
  units: readonly Unit[],
  { named, fallback }: ParentChoice<Unit>,
): void {
  for (const unit of units) unit.parent = named(unit);
  let number = 0;
  let order: Map<Unit, number> | null = null;
  for (const unit of units) {
    for (let circle = walk(unit, ++number); circle.length > 0; circle = walk(unit, ++number)) {
      order ??= new Map(units.map((unit, place) => [unit, place]));
      const places = order;
      const ordered = circle.sort((a, b) => places.get(a)! - places.get(b)!);
      const moved = ordered.find((member) => fallback(member) === null) ?? ordered[0]!;
      moved.parent = fallback(moved);
    }
  }
}

/** Follows parents from a unit: settles all of them, or answers the circle it ran into. */
function walk<Unit extends HangingUnit<Unit>>(from: Unit, number: number): Unit[] {
  let end: Unit | null = from;
  while (end !== null && end.passed !== settled) {
    if (end.passed === number) return circleOf(end);
    end.passed = number;
    end = end.parent;
  }
  for (let unit: Unit | null = from; unit !== end; unit = unit!.parent) unit!.passed = settled;
  return [];
}

function circleOf<Unit extends HangingUnit<Unit>>(member: Unit): Unit[] {
  const circle = [member];
  for (let unit = member.parent; unit !== null && unit !== member; unit = unit.parent) circle.push(unit);
  return circle;
}
