# syntax=docker/dockerfile:1
# The collector with its embedded engine, on the current Node LTS with upstream's uWebSockets.js, which is published
# through GitHub tags only and is built for glibc 2.38 or newer: Debian 13 has it, Debian 12 and Alpine do not.
ARG NODE_VERSION=26
ARG UWEBSOCKETS_VERSION=v20.67.0

FROM node:${NODE_VERSION}-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
COPY workers ./workers
RUN npm run build

FROM node:${NODE_VERSION}-trixie-slim AS packages
ARG UWEBSOCKETS_VERSION
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The tag's archive holds the binaries of all platforms; the others are of no use here.
RUN npm ci --omit=dev \
    && npm install --no-save --omit=dev \
        "uWebSockets.js@https://codeload.github.com/uNetworking/uWebSockets.js/tar.gz/refs/tags/${UWEBSOCKETS_VERSION}" \
    && find node_modules/uWebSockets.js -name 'uws_*.node' \
        ! -name "uws_linux_$(node -p 'process.arch')_$(node -p 'process.versions.modules').node" -delete \
    && node -e "import('uWebSockets.js').then((uws) => uws.default.App())"

FROM node:${NODE_VERSION}-trixie-slim
ENV NODE_ENV=production \
    TIDEMARK_HOST=0.0.0.0 \
    TIDEMARK_DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE README.md ./
COPY clickhouse ./clickhouse
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7077
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.TIDEMARK_PORT || 7077) + '/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
