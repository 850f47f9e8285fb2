import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/**
 * A page is a chunk, a library a page needs comes with the first page that needs it. Nothing is inlined: the policy
 * the pages are served with allows no data of an address's own.
 */
export const uiConfig = defineConfig({
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
  server: { proxy: { '/api': { target: 'http://127.0.0.1:7077', ws: true }, '/v1': 'http://127.0.0.1:7077' } },
});

export default uiConfig;
