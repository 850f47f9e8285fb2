import type { LiveState } from '../live/use-live.js';
import { Button } from '../parts/button.js';

const says: Readonly<Record<LiveState, string>> = {
  open: 'What is new is told as it comes',
  connecting: 'Connecting',
  waiting: 'The connection was lost and is tried again',
  off: 'What is new is not told',
};

/** Whether the list hears of what comes; paused, it stays as it is. */
export function LiveToggle({
  on,
  state,
  toggle,
}: {
  readonly on: boolean;
  readonly state: LiveState;
  readonly toggle: () => void;
}) {
  const dot = !on ? 'bg-soft' : state === 'open' ? 'bg-good' : 'bg-warn';
  return (
    <Button
      onClick={toggle}
      aria-label={on ? 'Live: pause' : 'Paused: resume'}
      title={`${says[on ? state : 'off']}. Press to ${on ? 'pause' : 'resume'}.`}
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${dot}`} />
      {on ? 'Live' : 'Paused'}
    </Button>
  );
}
