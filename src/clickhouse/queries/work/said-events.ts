/** What orders the events of a task, run or attempt among those that happened at one time. */
interface SaidEvent {
  readonly ts_ms: number;
  readonly attempt: number;
  readonly received_ms: number;
}

/** The order of events by what was said later: by time, attempt and state, then by receipt. */
export type SaidOrder<Event> = (left: Event, right: Event) => number;

/** `stateOf`: a number that grows from one state of an attempt to the next. */
export function saidOrder<Event extends SaidEvent>(stateOf: (event: Event) => number): SaidOrder<Event> {
  return (left, right) =>
    left.ts_ms - right.ts_ms ||
    left.attempt - right.attempt ||
    stateOf(left) - stateOf(right) ||
    left.received_ms - right.received_ms;
}

/**
 * Events by what they are of, each group in the order. Null when two of a group are the same in all of the order and
 * tell different things: then the hash of a value decides, which the engine makes.
 */
export function groupSaid<Event>(
  events: readonly Event[],
  { keyOf, order }: { readonly keyOf: (event: Event) => string; readonly order: SaidOrder<Event> },
): Event[][] | null {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const key = keyOf(event);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  const sorted = [...groups.values()];
  return sorted.every((group) => sortSaid(group, order)) ? sorted : null;
}

/** Whether the order is that of the engine; the group is sorted by it then. */
export function sortSaid<Event>(group: Event[], order: SaidOrder<Event>): boolean {
  if (group.length === 1) return true;
  group.sort(order);
  for (let at = 1; at < group.length; at++) {
    const [left, right] = [group[at - 1]!, group[at]!];
    if (order(left, right) === 0 && JSON.stringify(left) !== JSON.stringify(right)) return false;
  }
  return true;
}

/** Of what is not read: one object for all, as a large run has 20,000 attempts. */
export const untold: Record<string, string> = Object.freeze({});

type MapColumn = 'inputs' | 'outputs' | 'labels';

/** All keys, each with its latest value; a key that is told again goes to the end, as `mapUpdate` has it. */
export function mergedMap(
  said: readonly { readonly [Column in MapColumn]?: Readonly<Record<string, string>> | undefined }[],
  column: MapColumn,
): Record<string, string> {
  if (said.every((event) => event[column] === undefined)) return untold;
  const merged = new Map<string, string>();
  for (const { [column]: told } of said) {
    if (told === undefined) continue;
    const entries = Object.entries(told);
    for (const [key] of entries) merged.delete(key);
    for (const [key, value] of entries) merged.set(key, value);
  }
  return merged.size === 0 ? {} : Object.fromEntries(merged);
}
