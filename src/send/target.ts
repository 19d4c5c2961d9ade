/** Where requests are sent: one OTLP receiver. */
export interface Target {
  readonly transport: 'grpc' | 'http';
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Where `host` is, of several addresses that it has; '' for wherever the system finds it. */
  readonly address: string;
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
    address: '',
    path,
  };
}

/** One address of a destination, as an entry of `forward` names it. */
export interface NamedTarget {
  readonly url: string;
  /** 0 is used first. */
  readonly priority: number;
  readonly weight: number;
}

const WEIGHT_MAX = 100;

/**
 * The targets of an entry: `a|b` are used side by side, what stands behind `||` only while all before it are out, and `a*3` gets three times
 * the load. Or what is wrong with it.
 */
export function targetsIn(entry: string): readonly NamedTarget[] | { readonly problem: string } {
  const targets: NamedTarget[] = [];
  for (const [priority, group] of entry.split('||').entries()) {
    for (const text of group.split('|')) {
      const [, url = text.trim(), said = '1'] = /^(.*)\*(\d+)$/.exec(text.trim()) ?? [];
      const target = parseTarget(url);
      if ('problem' in target) return target;
      const weight = Number(said);
      if (weight < 1 || weight > WEIGHT_MAX) return { problem: `${text}: a weight is from 1 to ${WEIGHT_MAX}` };
      if (targets.some((other) => other.url === url)) return { problem: `${entry}: ${url} stands there twice` };
      targets.push({ url, priority, weight });
    }
  }
  return targets;
}
