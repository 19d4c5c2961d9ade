import { Component, type ReactNode } from 'react';
import { ErrorPanel } from '../parts/states.tsx';

interface State {
  readonly error: unknown;
}

/** Shows an error of a page's own code in place of the page, so that the frame around it stays. React asks for a class here. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    return (
      <ErrorPanel what="This page broke" error={this.state.error} onRetry={() => this.setState({ error: null })} />
    );
  }
}
