import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { keepToken, RequestError } from '../data/client.ts';
import { useStatus } from '../data/queries.ts';
import controls from './controls.module.css';
import { Button } from './controls.tsx';
import { Icon } from './icon.tsx';
import styles from './states.module.css';

/** What a page shows while it has no data: waiting, failed, or empty. */

const SKELETON_DELAY_MS = 150;

/** Grey lines after 150 ms: an answer that is quicker never makes them flash. */
export function Skeleton({ lines = 8 }: { readonly lines?: number }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SKELETON_DELAY_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={styles.skeleton} role="status" aria-label="Loading">
      {shown && WIDTHS.slice(0, lines).map((width) => <i key={width} style={{ width: `${width}%` }} />)}
    </div>
  );
}

const WIDTHS = [72, 58, 81, 64, 90, 47, 76, 69, 53, 85, 61, 79];

/** What failed, why, and what to try. `alone`: the page has no other heading. */
export function ErrorPanel(props: {
  readonly what: string;
  readonly error: unknown;
  readonly onRetry: () => void;
  readonly alone?: boolean;
}) {
  const Heading = props.alone ? 'h1' : 'h2';
  const problem = props.error instanceof RequestError ? props.error.problem : null;
  const status = problem?.status ?? -1;
  const why = problem?.detail ?? (props.error instanceof Error ? props.error.message : String(props.error));
  return (
    <div className={`${styles.panel} ${styles.error}`} role="alert">
      <Heading>
        <Icon name="error" /> {props.what}
      </Heading>
      <p>
        {why}
        {problem?.parameter !== undefined && (
          <>
            {' '}
            (parameter <code>{problem.parameter}</code>)
          </>
        )}
      </p>
      <p>{adviceFor(status)}</p>
      {status === 401 ? (
        <TokenForm onToken={props.onRetry} />
      ) : (
        <div className={styles.actions}>
          <Button onClick={props.onRetry}>
            <Icon name="refresh" /> Try again
          </Button>
        </div>
      )}
    </div>
  );
}

function adviceFor(status: number): string {
  if (status === 0) return 'Check that Clew runs and that this machine reaches it; the page asks again when you do.';
  if (status === 400) return 'Change or remove the filter that is named, then try again.';
  if (status === 401 || status === 403)
    return 'This Clew asks for a bearer token (auth.tokens). It is kept in this tab only.';
  if (status === 404)
    return 'It may not have arrived yet, or retention has removed it. New data are visible about two seconds after they are acknowledged.';
  if (status === 408 || status === 504) return 'Ask for a shorter time range, or add a filter.';
  if (status === 429 || status === 503)
    return 'The store is busy or starting. Wait a few seconds, then try again; the Status page tells more.';
  return 'Try again; if it stays, the log of the store process says more.';
}

function TokenForm({ onToken }: { readonly onToken: () => void }) {
  const [token, setToken] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    keepToken(token);
    onToken();
  };
  return (
    <form className={styles.actions} onSubmit={submit}>
      <input
        className={controls.field}
        type="password"
        aria-label="Bearer token"
        placeholder="Bearer token"
        autoComplete="off"
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <button type="submit" className={controls.button} disabled={token === ''}>
        Use token
      </button>
    </form>
  );
}

/** Nothing found although data are there: what to change. `alone`: the page has no other heading. */
export function EmptyPanel(props: {
  readonly title: string;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly alone?: boolean | undefined;
}) {
  const Heading = props.alone ? 'h1' : 'h2';
  return (
    <div className={styles.panel}>
      <Heading>{props.title}</Heading>
      {props.children}
      {props.actions !== undefined && <div className={styles.actions}>{props.actions}</div>}
    </div>
  );
}

/** Nothing has arrived: what to set in an SDK, with the addresses that this Clew listens on. */
export function ConnectPanel({ what, alone }: { readonly what: string; readonly alone?: boolean }) {
  const status = useStatus();
  const endpoints = status.data?.endpoints;
  const http = endpoints?.http ?? 'http://127.0.0.1:4318';
  const grpc = endpoints?.grpc ?? 'http://127.0.0.1:4317';
  return (
    <EmptyPanel title={`No ${what} yet`} alone={alone}>
      <p>
        Point an OpenTelemetry SDK or Collector at this Clew; what it sends is here about two seconds later. Over HTTP:
      </p>
      <CodeBlock
        text={`export OTEL_SERVICE_NAME=my-service\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${http}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`}
      />
      <p>Or over gRPC:</p>
      <CodeBlock
        text={`export OTEL_SERVICE_NAME=my-service\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${grpc}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=grpc`}
      />
    </EmptyPanel>
  );
}

const COPIED_MS = 1_200;

export function CodeBlock({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <figure className={styles.code}>
      <pre tabIndex={0}>{text}</pre>
      <div>
        <Button onClick={copy}>
          <Icon name={copied ? 'check' : 'copy'} /> {copied ? 'Copied' : 'Copy'}
        </Button>
      </div>
    </figure>
  );
}
