import { randomBytes } from 'node:crypto';

/** Where chance comes from; a test hands its own. */
export type RandomHex = (bytes: number) => string;

/** `bytes` random bytes as lower-case hexadecimal digits, from the system's generator. */
export const randomHex: RandomHex = (bytes) => randomBytes(bytes).toString('hex');
