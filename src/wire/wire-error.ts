/** Bytes from outside that are not what they claim to be. The message names the thing, the value and the place. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}
