import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test('a misspelt name finds the one that was meant', () => {
  expect(nearest('recievers', ['receivers', 'retention', 'data'])).toBe('receivers');
  expect(nearest('GRPC.PORT', ['grpc.port', 'http.port'])).toBe('grpc.port');
});

test('a name that resembles none finds none', () => {
  expect(nearest('colour', ['receivers', 'data'])).toBe(undefined);
});
