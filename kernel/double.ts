import { doubleText } from './host.ts';

export function writeDouble(to: usize, value: f64): usize {
  return doubleText(to, value);
}
