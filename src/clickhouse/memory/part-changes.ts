/** A part of a MergeTree table as `system.parts` tells it. */
export interface StorePart {
  readonly partition: string;
  /** Each insert takes the next number of the table. A merged part holds the inserts of a range of them. */
  readonly minBlock: number;
  readonly maxBlock: number;
  /** Number of the last mutation it went through, of the same sequence; 0: none. */
  readonly mutation: number;
  /** 0: the rows of one insert. */
  readonly level: number;
  readonly rows: number;
  /** First and last day of its rows, in days since the epoch. */
  readonly fromDay: number;
  readonly toDay: number;
  /** Parts that were merged or dropped stay on the list for a while. */
  readonly isActive: boolean;
}

export type BlockRange = Pick<StorePart, 'partition' | 'minBlock' | 'maxBlock'>;

/** As the engine names it. */
export function partName({ partition, minBlock, maxBlock, level, mutation }: StorePart): string {
  return `${partition}_${minBlock}_${maxBlock}_${level}${mutation > 0 ? `_${mutation}` : ''}`;
}

/** What a name tells of a part; null where it is not one. */
export function partOfName(name: string): BlockRange | null {
  const [, partition, minBlock, maxBlock] = /^(.+?)_(\d+)_(\d+)_\d+(?:_\d+)?$/.exec(name) ?? [];
  if (partition === undefined) return null;
  return { partition, minBlock: Number(minBlock), maxBlock: Number(maxBlock) };
}

/** Both inclusive, in days since the epoch. */
export interface ChangedDays {
  readonly fromDay: number;
  readonly toDay: number;
}

/** So many numbers without a part of their own are looked at one by one. */
const unknownMax = 1_000;

/**
 * Tells from the parts of a table, listed again and again, on which days rows have come or gone. It errs on one side
 * only: a day it does not name is as it was.
 *
 * A plain MergeTree numbers a part when it becomes visible, so what came since the last list has a higher number.
 * Merges alone change no row. An insert that was merged away before anybody saw it is somewhere in the days of the part
 * that has its number; a part that went through a mutation, or is not there any more, may differ on all of its days.
 */
export class PartChanges {
  #parts: readonly StorePart[] | null = null;
  #mark = 0;
  #arrivals: readonly StorePart[] | null = null;

  /** The active ones of the last list. */
  get parts(): readonly StorePart[] {
    return this.#parts ?? [];
  }

  /** What has come by the last list, where nothing else changed; null: rows may have gone, or nothing is known. */
  get arrivals(): readonly StorePart[] | null {
    return this.#arrivals;
  }

  /** `all`: nothing is known of what was before. */
  next(parts: readonly StorePart[]): readonly ChangedDays[] | 'all' {
    const before = this.#parts;
    const mark = this.#mark;
    this.#parts = parts.filter(({ isActive }) => isActive);
    this.#mark = parts.reduce((most, { maxBlock, mutation }) => Math.max(most, maxBlock, mutation), 0);
    // Another table of that name, or numbers that are given again.
    this.#arrivals = null;
    if (before === null || this.#mark < mark) return 'all';
    const active = this.#parts;
    const came = [
      ...inserted(parts, mark, this.#mark),
      // Listed before, and visible only now.
      ...active.filter((part) => part.level === 0 && !before.some((other) => holds(other, part))),
    ];
    const altered = [
      ...before.filter((part) => isGone(part, active)),
      ...active.filter((part) => isMutated(part, before)),
    ];
    if (altered.length === 0) this.#arrivals = came;
    return [...came, ...altered];
  }
}

function inserted(parts: readonly StorePart[], mark: number, newMark: number): StorePart[] {
  const arrived = parts.filter(({ level, minBlock }) => level === 0 && minBlock > mark);
  const known = new Set(arrived.map(({ minBlock }) => minBlock));
  for (const { mutation } of parts) if (mutation > mark) known.add(mutation);
  const merged = parts.filter(({ isActive, level, maxBlock }) => isActive && level > 0 && maxBlock > mark);
  if (merged.length === 0 || newMark - mark === known.size) return arrived;
  if (newMark - mark - known.size > unknownMax) return [...arrived, ...merged];
  const unknown: number[] = [];
  for (let block = mark + 1; block <= newMark; block++) if (!known.has(block)) unknown.push(block);
  const holdsUnknown = (part: StorePart): boolean =>
    unknown.some((block) => block >= part.minBlock && block <= part.maxBlock);
  return [...arrived, ...merged.filter(holdsUnknown)];
}

/** Whether the inserts of the other are in it. */
export function holds(part: BlockRange, other: BlockRange): boolean {
  return part.partition === other.partition && part.minBlock <= other.minBlock && part.maxBlock >= other.maxBlock;
}

/**
 * Dropped: nothing has its inserts any more, or what has them is empty. The engine drops an empty part half a minute
 * after the mutation that left it so: no row goes with it.
 */
function isGone(part: StorePart, now: readonly StorePart[]): boolean {
  if (part.rows === 0) return false;
  const heir = now.find((other) => holds(other, part));
  return heir === undefined || heir.rows === 0;
}

/** Rewritten since: unless what it was made of had gone through the same mutation, or came after it. */
function isMutated(part: StorePart, before: readonly StorePart[]): boolean {
  if (part.mutation === 0) return false;
  const sources = before.filter((other) => holds(part, other) && other.minBlock < part.mutation);
  return sources.length === 0 || sources.some(({ mutation }) => mutation !== part.mutation);
}
