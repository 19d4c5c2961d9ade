/**
 * Flow control of one destination (spec/Flow.tla): in any t seconds at most `perSecond` × (t + 1) may begin, and one more thing that is larger than what is kept.
 * What is larger may begin when the bucket is full, and those behind it wait until it is paid for. Pure: time is an argument.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  /** @param perSecond tokens added a second, and kept at most */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /**
   * Takes tokens now, and answers after how many milliseconds what they are for may begin. Who asks first begins first.
   * @param nowMs monotonic
   */
  take(tokens: number, nowMs: number): number {
    const added = ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + added);
    this.#atMs = nowMs;
    const missing = Math.min(tokens, this.#perSecond) - this.#tokens;
    this.#tokens -= tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#perSecond) * 1_000);
  }
}
