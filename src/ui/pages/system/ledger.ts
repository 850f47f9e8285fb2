import type { Answers } from '../../api/client.js';

interface Entry {
  readonly name: string;
  readonly count: number;
  readonly says: string;
}

export interface Account {
  readonly title: string;
  readonly left: readonly Entry[];
  readonly right: readonly Entry[];
  /** What is on one side and not on the other, as the collector tells it. */
  readonly difference: number;
}

/** The two accounts that must balance: of what came in, and of what went on to the store. */
export function accountsOf(ledger: Answers['EventLedger']): readonly Account[] {
  const entry = (name: keyof Answers['EventLedger'] & string, says: string): Entry => ({
    name,
    count: Number(ledger[name]),
    says,
  });
  return [
    {
      title: 'What came in',
      left: [entry('received', 'events of all frames and requests')],
      right: [
        entry('durable', 'on disk and acknowledged'),
        entry('duplicate', 'seen before, acknowledged and dropped'),
        entry('rejected', 'bad, named to the sender'),
        entry('refused', 'not taken: no room or the spool failed; the sender sends them again'),
        entry('underway', 'not answered yet'),
      ],
      difference: ledger.intake_difference,
    },
    {
      title: 'What went on to the store',
      left: [entry('durable', 'from above'), entry('recovered', 'found on disk at the start')],
      right: [
        entry('inserted', 'in the store'),
        entry('spooled', 'on disk, waiting for the store'),
        entry('quarantined', 'put aside, kept on disk'),
      ],
      difference: ledger.delivery_difference,
    },
  ];
}
