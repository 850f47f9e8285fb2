let back = false;

// Before those who draw the address anew: they ask at once.
window.addEventListener('popstate', () => set(true), { capture: true });
window.addEventListener('pushState', () => set(false), { capture: true });

/** The page that is shown was come to by Back or Forward, and is wanted as it was. */
export function cameBack(): boolean {
  return back;
}

function set(next: boolean): void {
  back = next;
}
