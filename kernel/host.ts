/** The shortest text of a double that the kernel does not find itself; answers the place behind it. TypeScript: src/transcode/double-text.ts. */
export declare function doubleText(to: usize, value: f64): usize;
