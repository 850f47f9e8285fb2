import { Page } from '../../parts/page.js';

export function PatternPage() {
  return <Page title="Pattern">{null}</Page>;
}
