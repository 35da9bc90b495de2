# syntax=docker/dockerfile:1.9
# One file, an image per program: docker build --build-arg PROGRAM=queue-service --build-arg PORT=8083 .
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
    --package gateway --package user-service --package event-service --package queue-service \
    --package reservation-service --package payment-service --package ticketctl --package simulators
COPY . .
RUN cargo build --release --locked \
    --package gateway --package user-service --package event-service --package queue-service \
    --package reservation-service --package payment-service --package ticketctl --package simulators

# Neither shell nor package manager; the C library, certificates, and a user that is not root (65532).
FROM gcr.io/distroless/cc-debian12:nonroot AS program
ARG PROGRAM
ARG PORT=8080
COPY --from=build /src/target/release/${PROGRAM} /program
ENV HOST=0.0.0.0 PORT=${PORT}
EXPOSE ${PORT}
USER 65532:65532
# An orchestrator that has checks of its own (compose, ECS) states them there, with its own pace.
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["/program", "health"]
ENTRYPOINT ["/program"]

# The operator's tool and the simulators have no health to ask for.
FROM program AS tool
HEALTHCHECK NONE
