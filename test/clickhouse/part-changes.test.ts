import { describe, expect, test } from 'vitest';
import { type ChangedDays, PartChanges, type StorePart } from '../../src/clickhouse/memory/part-changes.js';

/** A part of November 2026 as `system.parts` lists it; days count from the first. */
function part(minBlock: number, maxBlock: number, given: Partial<StorePart> = {}): StorePart {
  const level = minBlock === maxBlock ? 0 : 1;
  const one = { partition: '202611', mutation: 0, level, rows: 10, fromDay: 1, toDay: 30, isActive: true };
  return { ...one, minBlock, maxBlock, ...given };
}

const onDay = (day: number) => ({ fromDay: day, toDay: day });

function changesAfter(before: readonly StorePart[], after: readonly StorePart[]): readonly ChangedDays[] | 'all' {
  const changes = new PartChanges();
  changes.next(before);
  const found = changes.next(after);
  return found === 'all' ? found : found.map(({ fromDay, toDay }) => ({ fromDay, toDay }));
}

describe('changes told from parts', () => {
  test('nothing is known at first, and nothing has changed when the same parts are there', () => {
    const changes = new PartChanges();
    expect(changes.next([part(1, 4)])).toBe('all');
    expect(changes.next([part(1, 4)])).toEqual([]);
  });

  test('an insert changes its days alone', () => {
    expect(changesAfter([part(1, 4)], [part(1, 4), part(5, 5, onDay(7))])).toContainEqual(onDay(7));
    expect(changesAfter([part(1, 4)], [part(1, 4), part(5, 5, onDay(7))])).not.toContainEqual(onDay(30));
  });

  test('a merge changes nothing', () => {
    expect(changesAfter([part(1, 4), part(5, 5)], [part(1, 5, { level: 2 })])).toEqual([]);
  });

  test('an insert that was merged before it was seen is told by its part, while that is listed', () => {
    const merged = part(1, 5, { level: 2 });
    expect(changesAfter([part(1, 4)], [merged, part(5, 5, { ...onDay(7), isActive: false })])).toEqual([onDay(7)]);
    expect(changesAfter([part(1, 4)], [merged])).toEqual([{ fromDay: 1, toDay: 30 }]);
  });

  test('a number that another partition took is no insert of this one', () => {
    const other = part(5, 5, { partition: '202610', ...onDay(-3) });
    const before = [part(1, 3), part(4, 4)];
    expect(changesAfter(before, [part(1, 4, { level: 2 }), other])).not.toContainEqual({ fromDay: 1, toDay: 30 });
  });

  test('a mutation changes the days of the parts it rewrote', () => {
    const later = part(7, 7, onDay(29));
    expect(changesAfter([part(1, 4), later], [part(1, 4, { mutation: 8 }), later])).toEqual([
      { fromDay: 1, toDay: 30 },
    ]);
    const mutated = part(1, 4, { mutation: 6 });
    expect(changesAfter([mutated, later], [part(1, 7, { level: 2, mutation: 6 })])).toEqual([]);
  });

  test('a part that is gone, or that is empty now, changes its days', () => {
    const old = part(1, 2, { fromDay: 3, toDay: 4 });
    expect(changesAfter([old, part(3, 9)], [part(3, 9)])).toEqual([{ fromDay: 3, toDay: 4 }]);
    const empty = { ...old, rows: 0, level: 2, fromDay: 0, toDay: 0 };
    expect(changesAfter([old, part(3, 9)], [empty, part(3, 9)])).toEqual([{ fromDay: 3, toDay: 4 }]);
    expect(changesAfter([empty, part(3, 9)], [part(3, 9)]), 'an empty one that goes').toEqual([]);
  });

  test('numbers that begin anew say that all has changed', () => {
    expect(changesAfter([part(1, 40)], [part(1, 2)])).toBe('all');
  });
});
