import { useCallback, useState } from 'react';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
const name = 'tidemark.theme';

export function applyTheme(): void {
  const theme = storedTheme();
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event('tidemark:theme'));
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(storedTheme);
  const choose = useCallback((next: Theme) => {
    localStorage.setItem(name, next);
    applyTheme();
    setTheme(next);
  }, []);
  return [theme, choose];
}

function storedTheme(): Theme {
  const stored = localStorage.getItem(name);
  return themes.find((theme) => theme === stored) ?? 'system';
}
