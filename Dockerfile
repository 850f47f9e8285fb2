# The collector with its embedded engine. All packages come from the npm registry and are held against the hashes of
# package-lock.json and .docker/package-lock.json; nothing is compiled, and no package runs a script.
#
# uWebSockets.js has binaries for Node 20 to 25 on glibc 2.38 or newer: Debian 13 has that, Debian 12 and Alpine do
# not. To pin the base: --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY workers ./workers
RUN npm run build && find dist -name '*.map' -delete && rm dist/.tsbuildinfo

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
WORKDIR /image
COPY .docker/package.json .docker/package-lock.json .npmrc ./
# It has the binaries of all systems; loading it shows that the one that is left is the right one.
RUN npm ci --ignore-scripts \
    && find node_modules -name 'uws_*.node' \
        ! -name "uws_linux_$(node -p 'process.arch')_$(node -p 'process.versions.modules').node" -delete \
    && node -e "import('@btc-vision/uwebsockets.js').then((uws) => uws.default.App())" \
    && mv node_modules/@btc-vision /app/node_modules/

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    TIDEMARK_HOST=0.0.0.0 \
    TIDEMARK_DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE README.md ./
COPY clickhouse ./clickhouse
RUN install -d -o 1000 -g 1000 -m 700 /data
# By number, so that a cluster can see that it is not root; the base calls it node. It writes /data and /tmp only: the
# rest may be mounted read-only.
USER 1000:1000
VOLUME /data
EXPOSE 7077
STOPSIGNAL SIGTERM
# A certificate need not name this address.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0; fetch((process.env.TIDEMARK_TLS_CERT_FILE ? 'https' : 'http') + '://127.0.0.1:' + (process.env.TIDEMARK_PORT || 7077) + '/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
