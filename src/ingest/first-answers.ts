import type { HttpReply } from '../core/ports/http-route.js';

export interface FirstAnswersOptions {
  readonly answersMax: number;
  /** Characters of all bodies together. */
  readonly charactersMax: number;
  readonly onForgotten: () => void;
}

export interface KeptReply extends HttpReply {
  readonly body: string;
}

/**
 * The answers that requests with an `Idempotency-Key` got, for those that send it again. Bounded in number and size:
 * the oldest are forgotten and counted, and all by a restart; what such a request said is known for longer, by its
 * position. An answer larger than a hundredth of the room is not kept.
 */
export class FirstAnswers {
  readonly #options: FirstAnswersOptions;
  readonly #answers = new Map<string, KeptReply>();
  #characters = 0;

  constructor(options: FirstAnswersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#answers.size;
  }

  get(tenant: string, producer: string): KeptReply | null {
    return this.#answers.get(keyOf(tenant, producer)) ?? null;
  }

  keep(tenant: string, producer: string, reply: KeptReply): void {
    const { answersMax, charactersMax, onForgotten } = this.#options;
    if (reply.body.length > charactersMax / 100) {
      onForgotten();
      return;
    }
    this.#answers.set(keyOf(tenant, producer), reply);
    this.#characters += reply.body.length;
    for (const [key, { body }] of this.#answers) {
      if (this.#answers.size <= answersMax && this.#characters <= charactersMax) return;
      this.#answers.delete(key);
      this.#characters -= body.length;
      onForgotten();
    }
  }
}

function keyOf(tenant: string, producer: string): string {
  return `${tenant}\n${producer}`;
}
