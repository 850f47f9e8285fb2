import type { Progress } from '../../src/core/progress.js';

/** Progress that remembers what it was told, a line each: `replay of the spool: 3 of 10 events`. */
export class ToldProgress implements Progress {
  readonly told: string[] = [];

  begin({ what, unit, total: known }: Parameters<Progress['begin']>[0]): ReturnType<Progress['begin']> {
    let total = known;
    const tell = (text: string) => this.told.push(`${what}: ${text}`);
    tell(`begins, ${total ?? 'nobody knows how many'} ${unit}`);
    return {
      advance: (done, of) => {
        total = of ?? total;
        tell(`${done} of ${total} ${unit}`);
      },
      note: (part) => tell(part),
      end: () => tell('ends'),
    };
  }
}
