# The image: the program, the libraries it loads, the certificates it trusts, and nothing else.
#
#   deploy/image.sh               builds it, and says how large it is, what it holds and how fast it starts
#   ... --target debug            the same with busybox, for CI systems that need a shell
#
# Nothing here depends on the machine type: amd64 and arm64 are built from this file as it stands.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/setup.sh deploy/
RUN deploy/setup.sh --image && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY src src
ARG REVISION=unknown
RUN cmake --preset release -D OCISYNC_REVISION=${REVISION} \
 && cmake --build --preset release \
 && strip build/release/src/ocisync
COPY deploy/rootfs.sh deploy/
# Equal sources make equal files: every time is that of the sources.
ARG SOURCE_DATE_EPOCH=0
RUN deploy/rootfs.sh build/release/src/ocisync /rootfs

FROM scratch AS base
COPY --from=build /rootfs /
ENV OCISYNC_CACHE=/var/cache/ocisync
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/ocisync"]
HEALTHCHECK --interval=30s --timeout=5s CMD ["/usr/local/bin/ocisync", "probe", "--live"]
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="ocisync" \
      org.opencontainers.image.description="Keeps Helm charts from OCI registries as directories on a volume" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS debug
COPY --from=build /busybox /

FROM base
