import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

const collector = 'http://127.0.0.1:7077';

/**
 * A page is a chunk, a library a page needs comes with the first page that needs it. Nothing is inlined: the policy
 * the pages are served with allows no data of an address's own.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  publicDir: false,
  plugins: [tailwindcss()],
  build: {
    outDir: '../../dist/ui',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2022',
  },
  // Of the collector's addresses only those that are no folder of ours: `/api` alone would be.
  server: {
    proxy: {
      '/api/v1': { target: collector, ws: true },
      '/v1': { target: collector, ws: true },
      '/health': collector,
    },
  },
});
