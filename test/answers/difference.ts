export interface DifferenceOptions {
  /** A field of an object that only the second has is no difference. */
  readonly allowAdded: boolean;
}

/** What differs, a sentence each that begins with the path of it: `$.runs[3].cost_cents: 12, then null`. */
export function differences(before: unknown, after: unknown, options: DifferenceOptions, path = '$'): string[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const common = Math.min(before.length, after.length);
    const found = before
      .slice(0, common)
      .flatMap((item, at) => differences(item, after[at], options, `${path}[${at}]`));
    if (before.length !== after.length) found.unshift(`${path}: ${before.length} items, then ${after.length}`);
    return found;
  }
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => {
      const place = `${path}.${name}`;
      if (!(name in after)) return [`${place}: ${shown(before[name])}, then missing`];
      if (!(name in before)) return options.allowAdded ? [] : [`${place}: missing, then ${shown(after[name])}`];
      return differences(before[name], after[name], options, place);
    });
  }
  return Object.is(before, after) ? [] : [`${path}: ${shown(before)}, then ${shown(after)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const shownCharactersMax = 160;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
}
