import type { Clock, Timer } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import type { KeyInstruments } from '../../core/instruments.js';
import { type KeyLimitName, noKeyLimits } from '../../core/key-limits.js';
import type { Logger } from '../../core/logger.js';
import type { Principal } from '../../core/ports/authenticator.js';
import type { LimitRefusal, RequestLimiter } from '../../core/ports/request-limiter.js';
import type { Stage } from '../../core/stage.js';
import { dayMs } from '../../core/time-span.js';
import type { ApiKeys } from '../api-keys.js';
import { KeyBudget } from './key-budget.js';
import { readUsage, writeUsage } from './key-usage-file.js';

export interface KeyBudgetsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: KeyInstruments;
}

export interface KeyBudgetsOptions {
  readonly dataDir: string;
  /** Seconds of each rate that may be sent at once. */
  readonly burstSeconds: number;
}

/** How much of its daily quota a key has used. */
export interface QuotaUse {
  readonly tenant: string;
  readonly key: string;
  readonly ratio: number;
}

/** The count of the day is written so often: what a kill takes of it is younger. */
const writeMs = 10_000;
/** Keys with series of their own; those that meet a limit later are counted together. */
const labelledKeysMax = 100;
const otherKeys = { tenant: '__other__', key: '__other__' } as const;

/**
 * What every key may still send and ask. The day's counts outlive the process: they are written every ten seconds and
 * at the stop, so that a kill or a power cut forgets what was acknowledged in the ten seconds before it.
 */
export class KeyBudgets implements RequestLimiter, Stage {
  readonly name = 'key-usage';
  readonly #deps: KeyBudgetsDeps;
  readonly #options: KeyBudgetsOptions;
  readonly #budgets = new Map<string, { readonly of: Principal; readonly budget: KeyBudget }>();
  readonly #labelled = new Set<string>();
  /** Of keys that nobody has come with yet. */
  #restored: { readonly day: number; readonly events: Map<string, number> } = { day: 0, events: new Map() };
  #written = '';
  #timer: Timer | null = null;
  #isTold = false;

  constructor(deps: KeyBudgetsDeps, options: KeyBudgetsOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  of(principal: Principal): KeyBudget {
    const name = nameOf(principal);
    const known = this.#budgets.get(name);
    if (known !== undefined) return known.budget;
    const { clock } = this.#deps;
    const onHeld = (limit: KeyLimitName) => this.#deps.instruments.held.inc({ ...this.#labelsOf(principal), limit });
    const budget = new KeyBudget({ clock, onHeld }, principal.limits ?? noKeyLimits, this.#options.burstSeconds);
    budget.day.restore(this.#restored.day, this.#restored.events.get(name) ?? 0);
    this.#restored.events.delete(name);
    this.#budgets.set(name, { of: principal, budget });
    return budget;
  }

  follow(keys: Pick<ApiKeys, 'onChanged' | 'tellUse'>): void {
    keys.onChanged((principals) => this.update(principals));
    keys.tellUse((tenant, key) => this.eventsToday(tenant, key));
  }

  /** The keys there are now: what they may counts at once, for open connections too. */
  update(principals: Iterable<Principal>): void {
    const now = new Map([...principals].map((principal) => [nameOf(principal), principal]));
    for (const [name, { budget }] of this.#budgets) {
      const principal = now.get(name);
      budget.change(principal?.limits ?? noKeyLimits, this.#options.burstSeconds);
      if (principal === undefined) {
        budget.stop();
        this.#budgets.delete(name);
      }
    }
  }

  tryRequest(principal: Principal): LimitRefusal | null {
    return this.of(principal).tryRequest();
  }

  /** Events of the present day of a key with a quota; null of one without. */
  eventsToday(tenant: string, key: string): number | null {
    const found = this.#budgets.get(`${tenant} ${key}`)?.budget;
    return found === undefined || found.limits.eventsPerDay === null ? null : found.day.count();
  }

  /** The keys that have used most of their quota. */
  quotaUses(): readonly QuotaUse[] {
    const uses = [...this.#budgets.values()].flatMap(({ of, budget }) => {
      const { eventsPerDay } = budget.limits;
      if (eventsPerDay === null) return [];
      return [{ tenant: of.tenant, key: of.keyName, ratio: budget.day.count() / eventsPerDay }];
    });
    return uses.sort((left, right) => right.ratio - left.ratio).slice(0, labelledKeysMax);
  }

  async start(): Promise<void> {
    const { dataDir } = this.#options;
    const usage = await readUsage(dataDir);
    if (typeof usage === 'string') {
      const says = 'cannot read what keys have sent today: their daily quotas begin anew';
      this.#deps.logger.error({ path: dataDir, cause: usage }, says);
    } else if (usage !== null) {
      this.#restored = { day: usage.day, events: new Map(usage.events) };
    }
    this.#writeLater();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    for (const { budget } of this.#budgets.values()) budget.stop();
    await this.#write();
  }

  #writeLater(): void {
    this.#timer = this.#deps.clock.setTimer(writeMs, () => {
      this.#write().finally(() => {
        if (this.#timer !== null) this.#writeLater();
      });
    });
  }

  async #write(): Promise<void> {
    const { clock, logger, instruments } = this.#deps;
    const day = Math.floor(clock.nowMs() / dayMs);
    const events = new Map(this.#restored.day === day ? this.#restored.events : []);
    for (const [name, { budget }] of this.#budgets) {
      const count = budget.limits.eventsPerDay === null ? 0 : budget.day.count();
      if (count > 0) events.set(name, count);
    }
    const content = events.size === 0 ? '' : JSON.stringify([day, ...events]);
    if (content === this.#written || content === '') return;
    try {
      await writeUsage(this.#options.dataDir, { day, events });
      this.#written = content;
      this.#isTold = false;
    } catch (error) {
      instruments.usageWriteFailures.inc();
      if (this.#isTold) return;
      this.#isTold = true;
      logger.error({ cause: errorMessage(error) }, 'cannot write what keys have sent today: a restart forgets it');
    }
  }

  #labelsOf(principal: Principal): { readonly tenant: string; readonly key: string } {
    const name = nameOf(principal);
    if (!this.#labelled.has(name)) {
      if (this.#labelled.size >= labelledKeysMax) return otherKeys;
      this.#labelled.add(name);
    }
    return { tenant: principal.tenant, key: principal.keyName };
  }
}

function nameOf({ tenant, keyName }: Principal): string {
  return `${tenant} ${keyName}`;
}
