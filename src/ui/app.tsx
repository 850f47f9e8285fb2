import { type ComponentType, lazy, Suspense } from 'react';
import { Link, Route, Switch } from 'wouter';
import { ShortcutProvider } from './keyboard/shortcuts.js';
import { EmptyNote } from './parts/notes.js';
import { Page } from './parts/page.js';
import { links } from './routing/links.js';
import { CaughtPage } from './shell/caught-page.js';
import { Shell } from './shell/shell.js';
import { SignedIn } from './shell/sign-in.js';

/** Each page is a chunk of its own, fetched when it is first gone to. */
const pages: readonly (readonly [path: string, page: ComponentType])[] = [
  ['/', page(() => import('./pages/overview/overview-page.js').then((m) => m.OverviewPage))],
  ['/agents', page(() => import('./pages/agents/agent-list-page.js').then((m) => m.AgentListPage))],
  ['/agents/:agent_id', page(() => import('./pages/agents/agent-page.js').then((m) => m.AgentPage))],
  ['/runs', page(() => import('./pages/runs/run-list-page.js').then((m) => m.RunListPage))],
  ['/runs/:run_id', page(() => import('./pages/run/run-page.js').then((m) => m.RunPage))],
  ['/tasks', page(() => import('./pages/tasks/task-list-page.js').then((m) => m.TaskListPage))],
  ['/tasks/:task_id', page(() => import('./pages/tasks/task-page.js').then((m) => m.TaskPage))],
  ['/failures', page(() => import('./pages/failures/failures-page.js').then((m) => m.FailuresPage))],
  ['/patterns', page(() => import('./pages/patterns/pattern-list-page.js').then((m) => m.PatternListPage))],
  ['/patterns/:pattern_id', page(() => import('./pages/patterns/pattern-page.js').then((m) => m.PatternPage))],
  ['/live', page(() => import('./pages/live/live-page.js').then((m) => m.LivePage))],
  ['/system', page(() => import('./pages/system/system-page.js').then((m) => m.SystemPage))],
  ['/try', page(() => import('./pages/try-it/try-it-page.js').then((m) => m.TryItPage))],
];

export function App() {
  return (
    <ShortcutProvider>
      <SignedIn>
        <Shell>
          <CaughtPage>
            <Suspense>
              <Switch>
                {pages.map(([path, component]) => (
                  <Route key={path} path={path} component={component} />
                ))}
                <Route>
                  <NoSuchPage />
                </Route>
              </Switch>
            </Suspense>
          </CaughtPage>
        </Shell>
      </SignedIn>
    </ShortcutProvider>
  );
}

function page(load: () => Promise<ComponentType>): ComponentType {
  return lazy(async () => ({ default: await load() }));
}

function NoSuchPage() {
  return (
    <Page title="There is no such page">
      <EmptyNote>
        Nothing is at this address.{' '}
        <Link href={links.overview()} className="text-accent hover:underline">
          Go to the overview
        </Link>
      </EmptyNote>
    </Page>
  );
}
