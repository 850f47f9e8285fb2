import { minuteMs } from '../agents/agent-history.js';
import type { RawRow } from '../api-store.js';

/** Made-up attempts of runs, tasks and steps, and what tests recount from them without the product's code. */

export interface FailureHistoryOf {
  readonly tenant: string;
  readonly runs: number;
  readonly nowMs: number;
  readonly days: number;
}

const categories = ['tool', 'model', 'retrieval', 'infra', 'guardrail'] as const;

/**
 * Runs with tasks with steps, denser towards now. What fails is tried again in a few ways, and that fails again,
 * completes, is cancelled or goes on; starts are lost, failed events come twice. `expected` holds what each failed
 * attempt is known by: it is made with the events, from what was decided, not from what they say.
 */
export function failureHistory(of: FailureHistoryOf, random: () => number) {
  const rows: RawRow[] = [];
  const expected: ExpectedFailure[] = [];
  for (let run = 0; run < of.runs; run++) new RunHistory(of, run, random, { rows, expected }).write();
  return { rows, expected };
}

export interface ExpectedFailure {
  readonly tenant: string;
  readonly kind: string;
  readonly agent_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly step_id: string;
  readonly attempt: number;
  readonly ts: number;
  readonly name: string;
  readonly step_kind: string;
  readonly environment: string;
  readonly model: string;
  readonly provider: string;
  readonly error_category: string;
  readonly error_code: string;
  readonly tokens_in: number;
  readonly tokens_out: number;
  /** Null where usage is rolled up, so that it is not its own, and where none was reported. */
  readonly cost_micros: number | null;
  /** failed, retried or recovered. */
  status: string;
}

/** How the attempts of one thing are told apart. */
type Numbering = 'numbered' | 'unnumbered' | 'own_id' | 'suffix';

interface Subject {
  readonly kind: 'run' | 'task' | 'step';
  readonly ids: { readonly run_id: string; readonly task_id: string; readonly step_id: string };
  readonly name: string;
  readonly step_kind: string;
  readonly numbering: Numbering;
}

class RunHistory {
  readonly #of: FailureHistoryOf;
  readonly #random: () => number;
  readonly #out: { readonly rows: RawRow[]; readonly expected: ExpectedFailure[] };
  readonly #agent: string;
  readonly #environment: string;
  readonly #runId: string;
  #nowMs: number;
  #serial = 0;

  constructor(
    of: FailureHistoryOf,
    run: number,
    random: () => number,
    out: { readonly rows: RawRow[]; readonly expected: ExpectedFailure[] },
  ) {
    this.#of = of;
    this.#random = random;
    this.#out = out;
    this.#agent = `agent-${Math.floor(random() ** 2 * 9)}`;
    this.#environment = this.#pick(['production', 'staging', '']);
    // The ids are those of other tenants too.
    this.#runId = `run/${run}`;
    this.#nowMs = of.nowMs - 60 * minuteMs - Math.floor(random() ** 2 * of.days * 86_400_000);
  }

  write(): void {
    const ids = { run_id: this.#runId, task_id: '', step_id: '' };
    this.#attempts({
      kind: 'run',
      ids,
      name: 'flow',
      step_kind: '',
      numbering: this.#pick(['numbered', 'unnumbered']),
    });
    for (let task = 0; task < 2; task++) {
      const taskIds = { ...ids, task_id: `${this.#runId}-t${task}` };
      const numbering = this.#pick(['numbered', 'unnumbered'] as const);
      this.#attempts({ kind: 'task', ids: taskIds, name: `task ${task}`, step_kind: '', numbering });
      for (let step = 0; step < 3; step++) this.#writeStep(taskIds, step);
    }
  }

  #writeStep(ids: Subject['ids'], step: number): void {
    const numbering = this.#pick(['numbered', 'own_id', 'suffix'] as const);
    const step_kind = this.#pick(['llm', 'tool', 'retrieval']);
    // Steps whose attempts have ids of their own are told apart by their names; the others share names on purpose.
    const name = numbering === 'own_id' ? `${step_kind} ${step}` : this.#pick(['search', 'write', '']);
    const named = numbering === 'suffix' && name === '' ? 'search' : name;
    const step_id = `s${step}x`;
    this.#attempts({ kind: 'step', ids: { ...ids, step_id }, name: named, step_kind, numbering });
  }

  #attempts(subject: Subject): void {
    const failed: ExpectedFailure[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      this.#nowMs += 1 + Math.floor(this.#random() * 2_000);
      for (const earlier of failed) if (earlier.status === 'failed') earlier.status = 'retried';
      const event = this.#eventOf(subject, attempt);
      const isFirst = attempt === 1;
      const chance = this.#random();
      // A start without a number says nothing of an earlier attempt, so what goes on without one is not made up.
      const goesOn = chance < 0.1 && (isFirst || subject.numbering !== 'unnumbered');
      if (goesOn || this.#random() < 0.6) {
        const type = { run: 'run.started', task: 'task.running', step: 'step.started' }[subject.kind];
        this.#add({ ...event, type, ts: this.#nowMs });
        if (goesOn) return;
        this.#nowMs += 1 + Math.floor(this.#random() * 500);
      }
      if (chance < 0.6) {
        this.#complete({ ...event, ts: this.#nowMs }, subject, failed);
        return;
      }
      if (chance < 0.65 && subject.kind !== 'step' && (isFirst || subject.numbering !== 'unnumbered')) {
        this.#add({ ...event, type: `${subject.kind}.cancelled`, ts: this.#nowMs });
        return;
      }
      failed.push(this.#fail({ ...event, ts: this.#nowMs }, subject));
      if (this.#random() < 0.3) return;
    }
  }

  #complete(event: RawRow, { kind }: Subject, failed: readonly ExpectedFailure[]): void {
    this.#add({ ...event, type: `${kind}.completed` });
    for (const earlier of failed) earlier.status = 'recovered';
  }

  #fail(event: RawRow, subject: Subject): ExpectedFailure {
    const which = Math.floor(this.#random() ** 2 * categories.length);
    const usage_scope = this.#random() < 0.2 ? 'rolled_up' : 'own';
    const own = usage_scope === 'own' ? 1 : 0;
    const [tokens_in, tokens_out, micros] = [0, 0, 0].map(() => Math.floor(this.#random() * 5_000)) as [
      number,
      number,
      number,
    ];
    const cost_micros = this.#random() < 0.2 ? null : micros;
    const error = {
      error_category: String(categories[which]),
      error_code: which === 3 ? '' : `code_${which}_${Math.floor(this.#random() * 3)}`,
    };
    const message = `no answer ${this.#serial}`;
    const row = { ...event, ...error, tokens_in, tokens_out, cost_micros, usage_scope, error_message: message };
    const type = `${subject.kind}.failed`;
    this.#add({ ...row, type });
    if (this.#random() < 0.2) this.#add({ ...row, type, received: event.ts + 900 });
    const expected: ExpectedFailure = {
      tenant: this.#of.tenant,
      kind: subject.kind,
      agent_id: this.#agent,
      ...subject.ids,
      step_id: String(event.step_id),
      attempt: Number(event.attempt),
      ts: event.ts,
      name: subject.name,
      step_kind: subject.step_kind,
      environment: this.#environment,
      model: String(event.model),
      provider: String(event.provider),
      ...error,
      tokens_in: own * tokens_in,
      tokens_out: own * tokens_out,
      cost_micros: own === 1 ? cost_micros : null,
      status: 'failed',
    };
    this.#out.expected.push(expected);
    return expected;
  }

  #eventOf({ kind, ids, name, step_kind, numbering }: Subject, attempt: number): RawRow {
    const suffix = { numbered: '', unnumbered: '', suffix: `.${attempt}`, own_id: `-${this.#serial++}y` }[numbering];
    return {
      tenant: this.#of.tenant,
      agent_id: this.#agent,
      type: '',
      ...ids,
      step_id: kind === 'step' ? `${ids.step_id}${suffix}` : '',
      parent_id: kind === 'step' ? ids.task_id : '',
      name,
      step_kind,
      environment: this.#environment,
      ...this.#modelOf(step_kind),
      attempt: numbering === 'unnumbered' ? this.#pick([0, 1]) : attempt,
      ts: 0,
      received: 0,
    };
  }

  /** Of a step of kind llm the model may be left to its name; a task or run may tell one too. */
  #modelOf(stepKind: string): { readonly model: string; readonly provider: string } {
    const chance = this.#random();
    if (stepKind === 'tool' || chance < (stepKind === 'llm' ? 0.3 : 0.7)) return { model: '', provider: '' };
    return this.#pick([
      { model: 'large-4', provider: 'northwind' },
      { model: 'small-4', provider: 'lighthouse' },
      { model: 'search', provider: '' },
    ]);
  }

  #add(row: RawRow): void {
    this.#out.rows.push({ ...row, received: row.received === 0 ? row.ts + 200 : row.received });
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)] as Value;
  }
}
