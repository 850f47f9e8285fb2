import { Page } from '../../parts/page.js';

export function RunListPage() {
  return <Page title="Runs">{null}</Page>;
}
