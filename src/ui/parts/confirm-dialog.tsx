import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type ApiProblem, asProblem } from '../api/problem.js';
import { Button } from './button.js';
import { ProblemNote } from './notes.js';

/** Asks before something is done that cannot be undone; what went wrong is said where it was asked. */
export function ConfirmDialog({
  title,
  action,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  /** What the button says that does it. */
  readonly action: string;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [working, setWorking] = useState(false);
  const [problem, setProblem] = useState<ApiProblem>();
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = async () => {
    setWorking(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setWorking(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={onClose}
      className="m-auto w-[min(32rem,92vw)] rounded-lg border border-line bg-panel p-5 text-ink backdrop:bg-black/50"
    >
      <h2 className="mb-2 text-lg font-semibold">{title}</h2>
      <div className="mb-4 flex flex-col gap-2">{children}</div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={onClose}>Leave it</Button>
        <Button look="danger" disabled={working} onClick={confirm}>
          {action}
        </Button>
      </div>
    </dialog>
  );
}
