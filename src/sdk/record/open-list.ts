/** What knows its place in the one list that it may be in. */
export interface Listed {
  /** -1: it is in none. */
  listedAt: number;
}

/** In no order. Coming and going costs next to nothing, where a Set makes its table anew every few of them. */
export class OpenList<Entry extends Listed> {
  readonly entries: Entry[] = [];

  add(entry: Entry): void {
    entry.listedAt = this.entries.push(entry) - 1;
  }

  remove(entry: Entry): void {
    const at = entry.listedAt;
    if (at < 0) return;
    entry.listedAt = -1;
    const last = this.entries.pop();
    if (last === undefined || last === entry) return;
    this.entries[at] = last;
    last.listedAt = at;
  }
}
