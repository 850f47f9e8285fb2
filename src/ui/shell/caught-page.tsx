import { Component, type ReactNode } from 'react';
import { Button } from '../parts/button.js';

interface Props {
  readonly children: ReactNode;
}

/** A page that fails takes only itself away; a chunk that is gone after an update comes with a reload. */
export class CaughtPage extends Component<Props, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div role="alert" className="m-6 flex flex-col items-start gap-3 rounded-lg border border-line bg-panel p-6">
        <h1 className="text-xl font-semibold">This page cannot be shown</h1>
        <p className="foreign">{error.message}</p>
        <Button look="main" onClick={() => window.location.reload()}>
          Load it again
        </Button>
      </div>
    );
  }
}
