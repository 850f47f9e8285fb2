import { Page } from '../../parts/page.js';

export function FailuresPage() {
  return <Page title="Failures">{null}</Page>;
}
