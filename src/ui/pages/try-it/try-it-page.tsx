import { Page } from '../../parts/page.js';

export function TryItPage() {
  return <Page title="Try it">{null}</Page>;
}
