import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * Builds the UI into dist/ui. Nothing is inlined (no script, no data: address), so that the page runs under the API server's
 * Content-Security-Policy `default-src 'self'`. `npx vite --config ui/vite.config.ts` serves it for development beside a running Clew.
 */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../dist/ui',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
  },
  server: { proxy: { '/api': 'http://127.0.0.1:4319' } },
});
