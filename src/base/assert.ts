/**
 * Checks a promise of our own code. It stays on in production: a broken invariant must stop the request or the
 * process that broke it before it can write wrong data. Never use it for input from outside.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** Marks a branch that the types prove unreachable; a new union member that is not handled fails to compile. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: unexpected value ${JSON.stringify(value)}`);
}
