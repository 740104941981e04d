// Builds the pages into the Python package. Everything is served by huntlake itself: no address of anybody else is in it.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/app/",
  build: {
    outDir: "../src/huntlake/web/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 20_000,
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // The language service calls the global object by Node's name.
  define: { global: "globalThis" },
  worker: { format: "es" },
  server: {
    // `npm run dev` beside a server: the door and the session are that server's.
    proxy: {
      "/app/api": { target: process.env["HUNTLAKE_URL"] ?? "https://localhost:8443", secure: false },
      "/app/session": { target: process.env["HUNTLAKE_URL"] ?? "https://localhost:8443", secure: false },
    },
  },
});
