import { Page } from '../../parts/page.js';

export function PatternListPage() {
  return <Page title="Patterns">{null}</Page>;
}
