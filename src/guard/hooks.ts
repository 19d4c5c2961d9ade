import type { Decision, Guard } from './guard.ts';

/** A call that the guard does not allow. */
export class GuardDenied extends Error {
  readonly decision: Decision;

  constructor(client: string, server: string, decision: Decision) {
    const path = decision.path === null ? '' : `: ${[client, ...decision.path].join(' → ')}`;
    super(`${client} may not call ${server} (${decision.reason}${path})`);
    this.name = 'GuardDenied';
    this.decision = decision;
  }
}

/** Runs `call` when `client` may call `server`; else throws GuardDenied. */
export function guarded<T>(guard: Guard, client: string, server: string, call: () => T): T {
  const decision = guard.check(client, server);
  if (!decision.allowed) throw new GuardDenied(client, server, decision);
  return call();
}

type Fetch = typeof fetch;

/** `fetch` that asks the guard first. `serverOf` names the service behind a URL; by default its host. Without a name the guard is not asked. */
export function guardedFetch(
  guard: Guard,
  client: string,
  serverOf: (url: URL) => string | undefined = (url) => url.host,
  inner: Fetch = fetch,
): Fetch {
  return async (input, init) => {
    const address = typeof input === 'string' || input instanceof URL ? input : input.url;
    const server = serverOf(new URL(address));
    return server === undefined ? inner(input, init) : guarded(guard, client, server, () => inner(input, init));
  };
}

/** An interceptor for @grpc/grpc-js clients: `new Client(address, credentials, { interceptors: [guardInterceptor(guard, 'shop', 'cart')] })`. */
export function guardInterceptor(guard: Guard, client: string, server: string) {
  return <Options, Call>(options: Options, nextCall: (options: Options) => Call): Call =>
    guarded(guard, client, server, () => nextCall(options));
}

/** What of an OpenTelemetry span the processor looks at. */
interface StartedSpan {
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: { readonly attributes: Readonly<Record<string, unknown>> };
  setAttribute(key: string, value: string): unknown;
}

/** SpanKind of @opentelemetry/api. */
const API_CLIENT = 2;
const API_PRODUCER = 3;

/**
 * A span processor for the OpenTelemetry SDK: each client span is checked as a call of what it names (`peer.service`, else `server.address`).
 * A span processor cannot stop a call: what enforce would deny is marked on the span (`clew.guard`, `clew.guard.path`) and told to `onFlagged`.
 */
export class GuardSpanProcessor {
  readonly #guard: Guard;
  readonly #onFlagged: (client: string, server: string, decision: Decision) => void;

  constructor(guard: Guard, onFlagged: (client: string, server: string, decision: Decision) => void = () => {}) {
    this.#guard = guard;
    this.#onFlagged = onFlagged;
  }

  onStart(span: StartedSpan): void {
    if (span.kind !== API_CLIENT && span.kind !== API_PRODUCER) return;
    const client = span.resource.attributes['service.name'];
    const server = span.attributes['peer.service'] ?? span.attributes['server.address'];
    if (typeof client !== 'string' || typeof server !== 'string') return;
    const decision = this.#guard.check(client, server);
    if (decision.allowed && !decision.flagged) return;
    span.setAttribute('clew.guard', decision.reason);
    if (decision.path !== null) span.setAttribute('clew.guard.path', decision.path.join(' '));
    this.#onFlagged(client, server, decision);
  }

  onEnd(): void {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
