import type { ServerHttp2Stream } from 'node:http2';
import { writeFrame } from '../wire/grpc.ts';

/** grpc.health.v1.Health (github.com/grpc/grpc, doc/health-checking.md): what load balancers and orchestrators ask. */
export const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
export const HEALTH_WATCH = '/grpc.health.v1.Health/Watch';

/** HealthCheckResponse { status: SERVING }. */
const SERVING = writeFrame(Buffer.from([0x08, 1]));
const HEADERS = { ':status': 200, 'content-type': 'application/grpc' };

/**
 * A door that answers is serving: its receiver recovers before it listens. A watch stays open and says so once; it ends when the
 * connection does.
 */
export function serveHealth(stream: ServerHttp2Stream, path: string): void {
  stream.resume();
  if (path === HEALTH_WATCH) {
    stream.respond(HEADERS);
    stream.write(SERVING);
    return;
  }
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(SERVING);
}
