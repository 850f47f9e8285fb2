import { noRun } from '../core/live-batch.js';
import { createTextSource, equalRanges } from './byte-range.js';
import type { DictionaryColumn } from './columns/dictionary-column.js';
import type { TextCursor } from './columns/text-column.js';
import type { EventBlock } from './event-block.js';
import { wide } from './wide-hash.js';
import { hashAgent, hashRun, hashStep, hashTask, hashTenant } from './work-keys.js';

/**
 * Hashes of the runs, tasks and steps that rows of a batch name, left in `wide`. What the row before named is not
 * hashed again: rows of one run, task and agent mostly come together. Cursors stand at the row.
 */
export class RowKeys {
  readonly #agents: DictionaryColumn;
  readonly #attempts: Uint16Array;
  /** Hashes of the tenants by their key. */
  readonly #tenantLow: number[] = [];
  readonly #tenantHigh: number[] = [];
  #agentTenant = -1;
  #agentKey = -1;
  #agentLow = 0;
  #agentHigh = 0;
  #taskTenant = -1;
  /** Of the task hashed last: its run, or `noRun` and its agent. */
  #taskRun: number = noRun;
  #taskAgent = -1;
  #taskOffset = 0;
  #taskLength = -1;
  #taskLow = 0;
  #taskHigh = 0;
  /** Of the run hashed last. */
  runLow = 0;
  runHigh = 0;

  constructor(block: EventBlock, agents: DictionaryColumn, attempts: Uint16Array) {
    this.#agents = agents;
    this.#attempts = attempts;
    for (let key = 0; key < block.tenants.keyCount; key++) {
      hashTenant(createTextSource(block.tenants.keyText(key)));
      this.#tenantLow.push(wide.low);
      this.#tenantHigh.push(wide.high);
    }
  }

  hashRun({ source, offset, length }: TextCursor, tenant: number): void {
    hashRun(source, offset, length, this.#tenantLow[tenant]!, this.#tenantHigh[tenant]!);
    this.runLow = wide.low;
    this.runHigh = wide.high;
  }

  /** The task as if the row named no run. */
  hashTaskOfAgent(taskIds: TextCursor, row: number, tenant: number): void {
    this.#hashAgent(row, tenant);
    hashTask(taskIds.source, taskIds.offset, taskIds.length, this.#agentLow, this.#agentHigh);
  }

  #hashAgent(row: number, tenant: number): void {
    const agent = this.#agents.keyAt(row);
    if (agent === this.#agentKey && tenant === this.#agentTenant) return;
    hashAgent(createTextSource(this.#agents.keyText(agent)), this.#tenantLow[tenant]!, this.#tenantHigh[tenant]!);
    this.#agentKey = agent;
    this.#agentTenant = tenant;
    this.#agentLow = wide.low;
    this.#agentHigh = wide.high;
  }

  /** Rows of one task mostly come together: to see that it is the same is cheaper than to hash it again. */
  hashTask(taskIds: TextCursor, row: number, tenant: number, run: number): void {
    const { source, offset, length } = taskIds;
    const agent = run === noRun ? this.#agents.keyAt(row) : -1;
    const isLast =
      tenant === this.#taskTenant &&
      run === this.#taskRun &&
      agent === this.#taskAgent &&
      length === this.#taskLength &&
      equalRanges(source, offset, source, this.#taskOffset, length);
    if (!isLast) {
      if (run === noRun) this.#hashAgent(row, tenant);
      const low = run === noRun ? this.#agentLow : this.runLow;
      const high = run === noRun ? this.#agentHigh : this.runHigh;
      hashTask(source, offset, length, low, high);
      this.#taskLow = wide.low;
      this.#taskHigh = wide.high;
      this.#taskTenant = tenant;
      this.#taskRun = run;
      this.#taskAgent = agent;
      this.#taskOffset = offset;
      this.#taskLength = length;
    }
    wide.low = this.#taskLow;
    wide.high = this.#taskHigh;
  }

  hashStep(taskIds: TextCursor, stepIds: TextCursor, row: number, tenant: number, run: number): void {
    if (taskIds.length > 0) {
      this.hashTask(taskIds, row, tenant, run);
    } else if (run === noRun) {
      this.#hashAgent(row, tenant);
      wide.low = this.#agentLow;
      wide.high = this.#agentHigh;
    } else {
      wide.low = this.runLow;
      wide.high = this.runHigh;
    }
    const attempt = Math.max(1, this.#attempts[row]!);
    hashStep(stepIds, attempt, wide.low, wide.high);
  }
}
