import { systemClock } from '../../src/host/clock.ts';
import { Link } from '../../src/send/link.ts';

/** The protocol of a stream in tests that send without a forwarder: it tries again as soon as it may. */
export function testLink(): Link {
  return new Link('test', systemClock, () => 0);
}
