# The image: the program, the libraries it loads, the certificates it trusts, and nothing else.
#
#   deploy/image.sh                              builds it, and says how large it is, what it holds and how fast it starts
#   deploy/image.sh TAG --target debug           the same with busybox, for CI systems that need a shell
#   deploy/image.sh TAG --platform linux/arm64   for another machine; nothing here depends on amd64 or arm64
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS tools
WORKDIR /src
# ccache takes what is compiled with a precompiled header only if it is told to, and the times of the files in a layer, the
# compiler's too, may be those of the commit.
ENV CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_COMPILERCHECK=content
COPY deploy/setup.sh deploy/
RUN deploy/setup.sh --image && rm -rf /var/lib/apt/lists/*

FROM tools AS build
COPY CMakeLists.txt CMakePresets.json ./
COPY src src
ARG REVISION=unknown
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -D OCISYNC_REVISION=${REVISION} \
 && cmake --build --preset release \
 && install -s build/release/src/ocisync /usr/local/bin/ \
 && rm -rf build
COPY deploy/rootfs.sh deploy/
# Equal sources make equal files: every time is that of the sources.
ARG SOURCE_DATE_EPOCH=0
RUN deploy/rootfs.sh /usr/local/bin/ocisync /rootfs

FROM scratch AS base
COPY --from=build /rootfs /
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    OCISYNC_CACHE=/var/cache/ocisync
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/ocisync"]
# A single pass listens nowhere and ends within its --timeout, 5 minutes: it is gone before a check counts. A
# sidecar counts as started with the first check that it answers.
HEALTHCHECK --start-period=10m --interval=30s --timeout=5s CMD ["/usr/local/bin/ocisync", "probe", "--live"]
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="ocisync" \
      org.opencontainers.image.description="Keeps Helm charts from OCI registries as directories on a volume" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS debug
COPY --from=tools /bin/busybox /bin/
USER 0:0
RUN ["/bin/busybox", "--install", "-s", "/bin"]
USER 65532:65532

FROM base
