import { crc32c as hardwareCrc32c } from '@node-rs/crc32';

/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): of "123456789" it is 0xE3069283. `initial` is the checksum of the bytes before these,
 * so that crc32c(b, crc32c(a)) is the checksum of a followed by b.
 */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  return hardwareCrc32c(bytes, initial);
}

/** A checksum as files and headers write it: 8 hexadecimal digits. */
export const crc32cText = (bytes: Uint8Array): string => crc32c(bytes).toString(16).padStart(8, '0');
