import { expect, test } from 'vitest';
import { giveBack, STAGED_RECORD_BYTES_MAX, Stage } from './stage.ts';

test('pieces come in the order in which they were staged, and rooms of one chunk are one piece', () => {
  const stage = new Stage();
  stage.room(3).write('one');
  stage.room(3).write('two');
  stage.add([Buffer.from('large'), Buffer.from('r')]);
  stage.room(4).write('last');
  const { pieces, done } = stage.take();
  expect(pieces.map((piece) => Buffer.from(piece).toString())).toEqual(['onetwo', 'large', 'r', 'last']);
  expect(done).toEqual([]);
  expect(stage.take()).toEqual({ pieces: [], done: [] });
});

test('a chunk is given back only when what it holds is written, and what is staged meanwhile does not touch it', () => {
  const stage = new Stage();
  stage.room(STAGED_RECORD_BYTES_MAX).fill('a');
  const first = stage.take();
  for (let i = 0; i < 20; i++) stage.room(STAGED_RECORD_BYTES_MAX).fill('b');
  const second = stage.take();
  expect(second.done.length).toBeGreaterThan(0);
  expect(first.pieces.every((piece) => piece.every((byte) => byte === 0x61))).toBe(true);
  expect(second.pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(20 * STAGED_RECORD_BYTES_MAX);
  expect(second.pieces.every((piece) => piece.every((byte) => byte === 0x62))).toBe(true);
  giveBack(second.done);
  stage.close();
});
