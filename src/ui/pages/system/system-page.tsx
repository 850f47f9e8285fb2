import { Page } from '../../parts/page.js';

export function SystemPage() {
  return <Page title="System">{null}</Page>;
}
