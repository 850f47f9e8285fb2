let back = false;

// Before those who draw the address anew, who ask at once: at the window a browser may tell listeners in the order in
// which they came, whether they capture or not, so the page imports this before anything else (main.tsx).
window.addEventListener('popstate', () => set(true), { capture: true });
window.addEventListener('pushState', () => set(false), { capture: true });

/** The page that is shown was come to by Back or Forward, and is wanted as it was. */
export function cameBack(): boolean {
  return back;
}

function set(next: boolean): void {
  back = next;
}
