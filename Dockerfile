# syntax=docker/dockerfile:1.9
# One file, an image per program: docker build --build-arg PROGRAM=queue-service --build-arg PORT=8083 .
# and for the tools: docker build --target tool --build-arg PROGRAM=ticketctl .
# The programs are built once, together; BuildKit keeps that stage, so that the other images take only what they copy.

FROM rust:1.95-slim-bookworm AS chef
# librdkafka is C and C++ and comes as source.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make mold \
    && rm -rf /var/lib/apt/lists/*
RUN cargo install cargo-chef --locked --version 0.1.73
ENV RUSTFLAGS="-C link-arg=-fuse-ld=mold" SQLX_OFFLINE=true CARGO_TERM_COLOR=never
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# The dependencies are a layer of their own, which lives as long as Cargo.lock does.
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --release --recipe-path recipe.json \
    --package multicall --package ticketctl --package simulators
COPY . .
RUN cargo build --release --locked \
    --package multicall --package ticketctl --package simulators

# Neither shell nor package manager; the C library, certificates, and a user that is not root (65532).
FROM gcr.io/distroless/cc-debian12:nonroot AS base
USER 65532:65532
ENTRYPOINT ["/program"]

# The operator's tool and the simulators.
FROM base AS tool
ARG PROGRAM
ARG PORT=8080
COPY --from=build /src/target/release/${PROGRAM} /program
ENV HOST=0.0.0.0 PORT=${PORT}
EXPOSE ${PORT}

# The services are one file, which on one host lies on disk and in memory once; SERVICE says which of them it is.
FROM base AS program
COPY --from=build /src/target/release/ticket-queue /program
ARG PROGRAM
ARG PORT=8080
ENV HOST=0.0.0.0 PORT=${PORT} SERVICE=${PROGRAM}
EXPOSE ${PORT}
# An orchestrator that has checks of its own (compose, ECS) states them there, with its own pace.
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["/program", "health"]
