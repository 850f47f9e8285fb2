import type { WorkRows } from '../core/work-rows.js';
import { namingFields, namingPlaces, noWork, workFields, workPlaces, workSays } from '../core/work-rows.js';
import type { EventBlock } from './event-block.js';
import { GrowingList } from './growing-list.js';
import type { SideBuffer } from './side-buffer.js';
import type { LackingDurations } from './window-slices.js';

/** The starts and ends of a batch while they are found. One instance a thread; see core/work-rows.ts. */
export class WorkList {
  readonly #attempts = new GrowingList(Float64Array, 1_024 * workFields);
  readonly #namings = new GrowingList(Float64Array, 256 * namingFields);
  #lacking: LackingDurations | null = null;
  #lackingPassed = 0;
  #fills = false;

  begin(lacking: LackingDurations): void {
    this.#attempts.clear();
    this.#namings.clear();
    this.#lacking = lacking;
    this.#lackingPassed = 0;
    this.#fills = false;
  }

  /** `name`: index of a text, -1 for none. */
  start(key: number, row: number, startedMs: number, name: number, stepKind: number): void {
    const at = this.#push(key, row, workSays.starts, startedMs);
    this.#attempts.values[at + workPlaces.name] = name;
    this.#attempts.values[at + workPlaces.stepKind] = stepKind;
  }

  /** `lacks`: bits of `workSays`. */
  end(key: number, row: number, endedMs: number, lacks: number, isExecution: boolean): void {
    const at = this.#push(key, row, workSays.ends | lacks, endedMs);
    if ((lacks & workSays.conflicts) !== 0) return;
    if ((lacks & (workSays.lacksStart | workSays.lacksDuration)) !== 0) this.#fills = true;
    if (!isExecution || (lacks & workSays.lacksDuration) === 0) return;
    this.#attempts.values[at + workPlaces.slice] = this.#lacking?.values[this.#lackingPassed++] ?? -1;
  }

  /** A start that tells the run of its task, or, with a run of -1, an event that leaves it out. */
  naming(alias: number, row: number, run: number, key: number): number {
    const at = this.#namings.extend(namingFields);
    const { values } = this.#namings;
    values[at + namingPlaces.alias] = alias;
    values[at + namingPlaces.row] = row;
    values[at + namingPlaces.run] = run;
    values[at + namingPlaces.key] = key;
    return at;
  }

  /** What an event of a task itself, that leaves out the run, says of it. */
  ofTask(at: number, attempt: number, ends: boolean): void {
    this.#namings.values[at + namingPlaces.attempt] = attempt;
    this.#namings.values[at + namingPlaces.ends] = ends ? 1 : 0;
  }

  #push(key: number, row: number, says: number, momentMs: number): number {
    const at = this.#attempts.extend(workFields);
    const { values } = this.#attempts;
    values[at + workPlaces.key] = key;
    values[at + workPlaces.row] = row;
    values[at + workPlaces.says] = says;
    values[at + workPlaces.momentMs] = momentMs;
    values[at + workPlaces.slice] = -1;
    return at;
  }

  /** `events`: index of the event of each row within its frame. After the block was encoded. */
  copy(block: EventBlock, events: Uint32Array, side: SideBuffer): WorkRows {
    if (this.#attempts.length === 0 && this.#namings.length === 0) return noWork;
    return {
      attempts: this.#attempts.copy(side),
      namings: this.#namings.copy(side),
      events: side.copy(events, block.rows),
      cells: this.#fills ? block.workCells() : null,
    };
  }
}
