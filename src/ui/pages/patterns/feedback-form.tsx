import { useRef, useState } from 'react';
import { type Answers, dataOf } from '../../api/client.js';
import { type ApiProblem, asProblem } from '../../api/problem.js';
import { useSession } from '../../api/session.js';
import { Button } from '../../parts/button.js';
import { Labelled } from '../../parts/choices.js';
import { Id } from '../../parts/id.js';
import { ProblemNote } from '../../parts/notes.js';

const field = 'rounded-md border border-line bg-panel px-2 py-1 text-sm';

/** A score and a note, for who may send events. */
export function FeedbackForm({
  patternId,
  onTaken,
}: {
  readonly patternId: string;
  /** Is given the id of the feedback. */
  readonly onTaken: (id: string) => void;
}) {
  const { may } = useSession();
  const { send, sending, problem, taken } = useFeedback(patternId, onTaken);
  const [score, setScore] = useState('');
  const [text, setText] = useState('');
  if (!may('ingest')) {
    return <p className="mb-3 text-sm text-soft">Giving feedback takes a key with the scope ingest.</p>;
  }
  const submit = async () => {
    if (!(await send({ score: Number(score), text: text.trim() }))) return;
    setScore('');
    setText('');
  };
  return (
    <form
      aria-label="Give feedback"
      className="mb-4 flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="flex flex-wrap items-end gap-3">
        <Labelled label="Score, −100 to 100">
          {(id) => (
            <input
              id={id}
              type="number"
              required
              min={-100}
              max={100}
              step="any"
              value={score}
              onChange={(event) => setScore(event.target.value)}
              className={`w-32 ${field}`}
            />
          )}
        </Labelled>
        <div className="min-w-48 flex-1">
          <Labelled label="Note">
            {(id) => (
              <input
                id={id}
                maxLength={2_048}
                autoComplete="off"
                value={text}
                onChange={(event) => setText(event.target.value)}
                className={field}
              />
            )}
          </Labelled>
        </div>
        <Button type="submit" look="main" disabled={sending}>
          Give feedback
        </Button>
      </div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {taken !== undefined && <Taken answer={taken} />}
    </form>
  );
}

/** Sends feedback. The same words are the same attempt until they have been taken: sent again they count once. */
function useFeedback(patternId: string, onTaken: (id: string) => void) {
  const { api, who } = useSession();
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem>();
  const [taken, setTaken] = useState<Answers['AddPatternFeedbackAnswer']>();
  const attempt = useRef({ of: '', key: '' });
  const send = async ({ score, text }: { readonly score: number; readonly text: string }): Promise<boolean> => {
    const user = who.user_id === null ? {} : { user_id: who.user_id };
    const body = { score, ...(text === '' ? {} : { text }), ...user };
    const of = JSON.stringify(body);
    if (attempt.current.of !== of) attempt.current = { of, key: newKey() };
    const params = { path: { pattern_id: patternId }, header: { 'Idempotency-Key': attempt.current.key } };
    setSending(true);
    setProblem(undefined);
    try {
      const answer = await dataOf(api.POST('/api/v1/patterns/{pattern_id}/feedback', { params, body }));
      attempt.current = { of: '', key: '' };
      setTaken(answer);
      onTaken(answer.event_id);
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setSending(false);
    }
  };
  return { send, sending, problem, taken };
}

function Taken({ answer }: { readonly answer: Answers['AddPatternFeedbackAnswer'] }) {
  return (
    <p role="status" className="flex flex-wrap items-center gap-x-2 text-sm text-good">
      {answer.duplicate ? 'It had been taken before, and counts once:' : 'It is taken, and counted in a second or so:'}
      <Id id={answer.event_id} />
    </p>
  );
}

/** `crypto.randomUUID` is for pages of https alone. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `ui-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
