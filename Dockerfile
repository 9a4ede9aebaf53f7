# Every process of Latchkey; the chart chooses one by its arguments. Nothing is installed or compiled here:
# `npm run build` makes dist/: one bundled file per process, and beside it what that process loads only when asked.
ARG NODE_IMAGE=docker.io/library/node:26-bookworm-slim
FROM ${NODE_IMAGE}

ARG VERSION=dev
LABEL org.opencontainers.image.title="latchkey" \
      org.opencontainers.image.description="Keys, roles and guards for every call between services in a Kubernetes cluster." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

ENV NODE_ENV=production
WORKDIR /app
COPY dist/ /app/

USER 65532:65532
ENTRYPOINT ["node", "/app/latchkey.mjs"]
