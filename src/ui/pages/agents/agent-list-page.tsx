import { Page } from '../../parts/page.js';

export function AgentListPage() {
  return <Page title="Agents">{null}</Page>;
}
