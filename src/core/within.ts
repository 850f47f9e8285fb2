import type { Clock, Timer } from './clock.js';

/** What `work` answers, or undefined when that takes longer than `msMax`: it then goes on unheard. */
export async function within<Result>(clock: Clock, work: Promise<Result>, msMax: number): Promise<Result | undefined> {
  let timer: Timer | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = clock.setTimer(msMax, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}
