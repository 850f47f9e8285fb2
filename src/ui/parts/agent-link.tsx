import { Link } from 'wouter';
import { links } from '../routing/links.js';

/** An agent by its name, and by its id where it has none or is called otherwise. */
export function AgentLink({ agentId, name }: { readonly agentId: string; readonly name?: string | null | undefined }) {
  return (
    <Link
      href={links.agent(agentId)}
      title={agentId}
      className="inline-block max-w-full truncate align-bottom font-medium text-accent hover:underline"
    >
      <bdi>{name || agentId}</bdi>
    </Link>
  );
}
