import { Page } from '../../parts/page.js';

export function TaskListPage() {
  return <Page title="Tasks">{null}</Page>;
}
