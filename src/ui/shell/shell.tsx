import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useSession } from '../api/session.js';
import { ShortcutOverlay } from '../keyboard/shortcut-overlay.js';
import { useShortcuts } from '../keyboard/shortcuts.js';
import { Button } from '../parts/button.js';
import { Segmented } from '../parts/choices.js';
import { links } from '../routing/links.js';
import { SavedViews } from './saved-views.js';
import { themes, useTheme } from './theme.js';

const places = [
  { name: 'Overview', href: links.overview(), key: 'o' },
  { name: 'Agents', href: links.agents(), key: 'a' },
  { name: 'Runs', href: links.runs(), key: 'r' },
  { name: 'Tasks', href: links.tasks(), key: 't' },
  { name: 'Failures', href: links.failures(), key: 'f' },
  { name: 'Patterns', href: links.patterns(), key: 'p' },
  { name: 'Live', href: links.live(), key: 'l' },
  { name: 'System', href: links.system(), key: 's' },
  { name: 'Try it', href: links.tryIt(), key: 'e' },
] as const;

/** Above the page on a narrow screen, beside it else. */
const headerPlace = 'max-md:border-b md:w-52 md:overflow-y-auto md:border-e';

/** What is around every page: where one can go, who one is, how it looks. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [path, navigate] = useLocation();
  const [menuOpen, setMenuOpen] = useState(false);
  const [keysShown, setKeysShown] = useState(false);
  useShortcuts([
    { keys: '?', says: 'Show the keys', run: () => setKeysShown(true) },
    ...places.map(({ name, href, key }) => ({ keys: `g ${key}`, says: `Go to ${name}`, run: () => navigate(href) })),
  ]);
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:m-2 focus:bg-panel focus:p-2"
      >
        Skip to the content
      </a>
      <header className={`flex shrink-0 flex-col border-line bg-panel ${headerPlace}`}>
        <div className="flex items-center justify-between p-3">
          <Link href={links.overview()} className="flex items-center gap-2 font-semibold">
            <Mark /> Tidemark
          </Link>
          <Button
            look="quiet"
            className="md:hidden"
            aria-expanded={menuOpen}
            aria-controls="menu"
            onClick={() => setMenuOpen(!menuOpen)}
          >
            Menu
          </Button>
        </div>
        <div id="menu" className={`flex-1 flex-col ${menuOpen ? 'flex' : 'max-md:hidden md:flex'}`}>
          <nav aria-label="Pages" className="flex flex-col gap-0.5 px-2">
            {places.map(({ name, href }) => (
              <Place key={href} name={name} href={href} path={path} onGo={() => setMenuOpen(false)} />
            ))}
          </nav>
          <SavedViews />
          <Foot onKeys={() => setKeysShown(true)} />
        </div>
      </header>
      <main id="content" tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col overflow-y-auto outline-none">
        {children}
      </main>
      {keysShown && <ShortcutOverlay onClose={() => setKeysShown(false)} />}
    </div>
  );
}

function Place({ name, href, path, onGo }: { name: string; href: string; path: string; onGo: () => void }) {
  const here = href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
  const look = here ? 'bg-accent-soft font-medium text-accent' : 'text-ink hover:bg-raised';
  return (
    <Link
      href={href}
      onClick={onGo}
      aria-current={here ? 'page' : undefined}
      className={`rounded-md px-2.5 py-1.5 ${look}`}
    >
      {name}
    </Link>
  );
}

function Foot({ onKeys }: { readonly onKeys: () => void }) {
  const { who, signOut } = useSession();
  const [theme, setTheme] = useTheme();
  return (
    <div className="mt-auto flex flex-col items-start gap-2 border-line p-3 text-sm max-md:border-t">
      <p className="max-w-full truncate text-soft" title={`Key ${who.key_name}: ${who.scopes.join(', ')}`}>
        Tenant <bdi className="text-ink">{who.tenant}</bdi>
        {who.user_id !== null && (
          <>
            , user <bdi className="text-ink">{who.user_id}</bdi>
          </>
        )}
      </p>
      <Segmented label="Colours" choices={themes} value={theme} onChange={setTheme} />
      <div className="flex gap-1">
        <Button look="quiet" onClick={onKeys}>
          Keys
        </Button>
        <Button look="quiet" onClick={signOut}>
          Sign out
        </Button>
      </div>
    </div>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b6e99" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <path d="M5 12c3.600-4 7.400-4 11 0s7.400 4 11 0" />
        <path d="M5 20c3.600-4 7.400-4 11 0s7.400 4 11 0" opacity=".65" />
      </g>
    </svg>
  );
}
