import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './tokens.css';
import './base.css';
import { RequestError } from './data/client.ts';
import { App } from './frame/app.tsx';

const RETRIES = 1;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A refused question is refused again; a server that is starting may answer the second time.
      retry: (count, error) =>
        count < RETRIES && !(error instanceof RequestError && error.problem.status < 500 && error.problem.status > 0),
      retryDelay: 400,
      refetchOnWindowFocus: false,
      staleTime: 30_000,
      gcTime: 60_000,
    },
  },
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
