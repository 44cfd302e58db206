# The agent, a shell for `commands:`, CA certificates and the dagger CLI.
ARG RUST_VERSION=1.95
FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin pocketci-agent

FROM debian:bookworm-slim AS dagger
ARG DAGGER_VERSION=0.21.8
ARG TARGETARCH=amd64
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl
# The checksum file comes with the release; a download that does not match ends the build.
RUN cd /tmp \
 && archive="dagger_v${DAGGER_VERSION}_linux_${TARGETARCH}.tar.gz" \
 && curl -fsSLO "https://dl.dagger.io/dagger/releases/${DAGGER_VERSION}/${archive}" \
 && curl -fsSL "https://dl.dagger.io/dagger/releases/${DAGGER_VERSION}/checksums.txt" \
    | grep " ${archive}\$" | sha256sum -c - \
 && tar -xzf "${archive}" -C /usr/local/bin dagger

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/pocketci --create-home pocketci
COPY --from=dagger /usr/local/bin/dagger /usr/local/bin/dagger
COPY --from=build /src/target/release/pocketci-agent /usr/local/bin/pocketci-agent
USER pocketci
ENV POCKETCI_DATA_DIR=/var/lib/pocketci POCKETCI_LISTEN=0.0.0.0:8080
VOLUME /var/lib/pocketci
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD curl -fsS "http://127.0.0.1:${POCKETCI_LISTEN##*:}/healthz"
ENTRYPOINT ["pocketci-agent"]
CMD ["serve"]
