import type { Balancer } from './targets.ts';

/** One after the other. A target that starts slowly is passed over until its shares add up to a whole turn. */
export function roundRobin(): Balancer {
  let cursor = -1;
  let credit = new Float64Array(0);
  return {
    pick({ share }) {
      const count = share.length;
      if (credit.length !== count) credit = new Float64Array(count);
      // A share is at least a hundredth (health.ts) or zero: so many rounds at most.
      for (let turn = 0; turn < count * 100; turn++) {
        cursor = cursor + 1 >= count ? 0 : cursor + 1;
        const part = share[cursor];
        if (part >= 1) return cursor;
        if (part <= 0) continue;
        credit[cursor] += part;
        if (credit[cursor] < 1) continue;
        credit[cursor] -= 1;
        return cursor;
      }
      return -1;
    },
  };
}
