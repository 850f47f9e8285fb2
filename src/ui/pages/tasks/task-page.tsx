import { Page } from '../../parts/page.js';

export function TaskPage() {
  return <Page title="Task">{null}</Page>;
}
