/** A colour of the theme as a canvas wants it: what `--color-…` comes to in the scheme that is shown now. */
export function themeColour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--color-${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Calls back when the scheme changes: by the system, or by the switch of the page. */
export function onSchemeChange(run: () => void): () => void {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', run);
  window.addEventListener('tidemark:theme', run);
  return () => {
    system.removeEventListener('change', run);
    window.removeEventListener('tidemark:theme', run);
  };
}
