import type { Answer } from '../../api/use-answer.js';
import { formatExact } from '../../format/numbers.js';
import { AnswerView, AsOf } from '../../parts/answer-view.js';
import { Panel } from '../../parts/panel.js';
import type { Health } from './health-panel.js';
import { type Account, accountsOf } from './ledger.js';

export function LedgerPanel({ answer }: { readonly answer: Answer<Health> }) {
  return (
    <Panel title="Ledger of events, since the start of the process" aside={<AsOf answer={answer} />}>
      <AnswerView answer={answer}>
        {({ ledger }) => (
          <div className="grid gap-x-10 gap-y-4 lg:grid-cols-2">
            {accountsOf(ledger).map((account) => (
              <AccountTable key={account.title} account={account} />
            ))}
          </div>
        )}
      </AnswerView>
    </Panel>
  );
}

function AccountTable({ account: { title, left, right, difference } }: { readonly account: Account }) {
  const sum = right.reduce((total, { count }) => total + count, 0);
  const row = (name: string, count: number, note: string) => (
    <tr key={name} className="border-b border-line/60">
      <th scope="row" className="py-1 pe-3 font-medium whitespace-nowrap">
        {name}
      </th>
      <td className="tabular py-1 pe-3 text-end">{formatExact(count)}</td>
      <td className="py-1 text-soft">{note}</td>
    </tr>
  );
  return (
    <table className="h-fit text-sm" aria-label={title}>
      <caption className="pb-1 text-start text-soft">{title}</caption>
      <tbody>
        {left.map(({ name, count, says }) => row(name, count, says))}
        {right.map(({ name, count, says }) => row(`− ${name}`, count, says))}
        <tr>
          <th scope="row" className="py-1 pe-3 font-medium whitespace-nowrap">
            = difference
          </th>
          <td className="tabular py-1 pe-3 text-end font-medium">{formatExact(difference)}</td>
          <td className={`py-1 font-medium ${difference === 0 ? 'text-good' : 'text-bad'}`}>
            {difference === 0 ? `It balances: all of ${formatExact(sum)} are accounted for` : 'It does not balance'}
          </td>
        </tr>
      </tbody>
    </table>
  );
}
