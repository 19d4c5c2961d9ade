/** Where requests are sent: one OTLP receiver. */
export interface Target {
  readonly transport: 'grpc' | 'http';
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** What stands before /v1/traces; '' for most. gRPC has none. */
  readonly path: string;
}

const SCHEMES: Readonly<Record<string, Pick<Target, 'transport' | 'secure'> & { readonly port: number }>> = {
  'http:': { transport: 'http', secure: false, port: 4318 },
  'https:': { transport: 'http', secure: true, port: 4318 },
  'grpc:': { transport: 'grpc', secure: false, port: 4317 },
  'grpcs:': { transport: 'grpc', secure: true, port: 4317 },
};

/** The target that a URL names, or why it names none. `grpc://` and `grpcs://` are OTLP/gRPC without and with TLS; a missing port is OTLP's. */
export function parseTarget(text: string): Target | { readonly problem: string } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: `${JSON.stringify(text)} is no URL; write http://host:4318 or grpc://host:4317` };
  }
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    return { problem: `${text}: ${url.protocol} is not spoken; use http:, https:, grpc: or grpcs:` };
  }
  if (url.hostname === '') return { problem: `${text} names no host` };
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    return { problem: `${text}: only scheme, host, port and path are read; credentials go into headers` };
  }
  // A URL leaves the port out when it is the scheme's own (80, 443).
  const said = /^[a-z]+:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(text)?.[1];
  const path = url.pathname.replace(/\/+$/, '');
  if (path !== '' && scheme.transport === 'grpc') return { problem: `${text}: gRPC knows no path` };
  return {
    transport: scheme.transport,
    secure: scheme.secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: said === undefined ? scheme.port : Number(said),
    path,
  };
}
