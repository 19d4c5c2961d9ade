import { ByteBuffer } from '../../base/bytes.ts';
import type { Signal } from '../../base/signal.ts';
import { Cursor } from '../../wire/protobuf.ts';
import type { Rewrite } from '../batch.ts';
import { attributesOf } from './attributes.ts';

/** A line of the setting `routes`: resources with this attribute go to this entry of `forward`. */
interface Route {
  readonly key: string;
  readonly value: string;
  readonly to: string;
}

export interface RouteSet {
  readonly routes: readonly Route[];
  /** Where resources go that no route fits; undefined when no line says so. */
  readonly otherwise: string | undefined;
}

const USAGE = 'write KEY=VALUE DESTINATION or default DESTINATION, where DESTINATION is an entry of forward';

/** The routes in lines, or what is wrong with the first wrong one. The first that fits a resource counts. */
export function parseRoutes(lines: readonly string[]): RouteSet | { readonly problem: string } {
  const routes: Route[] = [];
  let otherwise: string | undefined;
  for (const line of lines) {
    const [, condition = '', to = ''] = /^(.+?)\s+(\S+)$/.exec(line.trim()) ?? [];
    const equals = condition.indexOf('=');
    if (condition === 'default') {
      if (otherwise !== undefined) return { problem: `${JSON.stringify(line)}: there is a default already` };
      otherwise = to;
    } else if (equals > 0) {
      routes.push({ key: condition.slice(0, equals).trim(), value: condition.slice(equals + 1).trim(), to });
    } else return { problem: `${JSON.stringify(line)}: ${USAGE}` };
  }
  return { routes, otherwise };
}

/** What is wrong with routes beside these entries of `forward`; undefined when all is well. */
export function routesProblem({ routes, otherwise }: RouteSet, entries: readonly string[]): string | undefined {
  const named = new Set(routes.map(({ to }) => to));
  if (otherwise !== undefined) named.add(otherwise);
  for (const to of named) if (!entries.includes(to)) return `${to} is no entry of forward`;
  if (named.size === 0 || otherwise !== undefined || entries.some((entry) => !named.has(entry))) return undefined;
  return 'every destination is named by a route: add `default DESTINATION` for what none of them fits';
}

/** The part of a request that is for one destination; undefined where routes do not name it, which gets everything. */
export function routeFilter({ routes, otherwise }: RouteSet, entry: string): Rewrite | undefined {
  if (otherwise !== entry && routes.every(({ to }) => to !== entry)) return undefined;
  return (_signal: Signal, body: Uint8Array) => {
    const cursor = new Cursor(new Uint8Array(body.buffer, body.byteOffset, body.length));
    const out = new ByteBuffer();
    let left = 0;
    while (cursor.at < body.length) {
      const start = cursor.at;
      const tag = cursor.tag(body.length);
      if (tag !== RESOURCE_TAG) {
        cursor.skip(tag, body.length);
        continue;
      }
      const end = cursor.lengthEnd(body.length);
      const attributes = attributesOf(cursor.bytes.subarray(cursor.at, end));
      cursor.at = end;
      const fits = routes.find(({ key, value }) => attributes.get(key) === value);
      if ((fits?.to ?? otherwise) === entry) out.append(cursor.bytes, start, end);
      else left++;
    }
    return left === 0 ? body : out.view();
  };
}

/** Field 1 of all three requests: ResourceSpans, ResourceMetrics, ResourceLogs. */
const RESOURCE_TAG = 0x0a;
