//! What nginx asks by `auth_request`: is the token good, not revoked, and within its limit? The gateway's own code verifies and
//! the gateway's own script counts, so that only the way there differs: one more request over a socket.

use crate::targets::JWT_SECRET;
use common::{
    Clock,
    config::Env,
    crypto::sha256_hex,
    jwt::{JwtConfig, TokenVerifier},
    redis::{Redis, RedisConfig, connect},
};
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Empty;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use redis::Script;
use std::{convert::Infallible, sync::Arc};
use tokio::{net::TcpListener, task::JoinSet};

const INTERVAL_MICROS: u64 = 30;
const TOLERANCE_MICROS: u64 = 60_000_000;

struct Checker {
    tokens: TokenVerifier,
    redis: Redis,
    gcra: Script,
}

/// Serves until the process is ended.
pub(crate) async fn serve(port: u16, redis: u16) -> anyhow::Result<()> {
    let config = JwtConfig::from_env(&Env::from_pairs([("JWT_SECRET", JWT_SECRET)])?)?;
    let checker = Arc::new(Checker {
        tokens: TokenVerifier::new(&config, Clock::system()),
        redis: connect(&RedisConfig::Single(format!("redis://127.0.0.1:{redis}/0")))?,
        gcra: Script::new(include_str!("../../lua/gcra.lua")),
    });
    checker.gcra.load_async(&mut checker.redis.clone()).await?;
    let mut connections = JoinSet::new();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let checker = Arc::clone(&checker);
        connections.spawn(async move {
            let service = service_fn(|request| checker.answer(request));
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
        });
    }
}

impl Checker {
    async fn answer<B>(&self, request: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible> {
        let mut reply = Response::new(Empty::new());
        *reply.status_mut() = match self.check(&request).await {
            Some(true) => StatusCode::NO_CONTENT,
            Some(false) => StatusCode::FORBIDDEN,
            None => StatusCode::UNAUTHORIZED,
        };
        Ok(reply)
    }

    /// Whether the request may go on; nothing if nobody is known to have sent it.
    async fn check<B>(&self, request: &Request<B>) -> Option<bool> {
        let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        let token = token.strip_prefix("Bearer ")?;
        let claims = self.tokens.verify(token).ok()?;
        let mut questions = redis::pipe();
        questions
            .exists(format!("token:blacklist:{}", sha256_hex(token.as_bytes())))
            .exists(format!("token:blacklist:sid:{}", claims.sid))
            .cmd("EVALSHA")
            .arg(self.gcra.get_hash())
            .arg(1)
            .arg(format!("ratelimit:checker:user:{}", claims.sub))
            .arg(INTERVAL_MICROS)
            .arg(TOLERANCE_MICROS);
        let mut redis = self.redis.clone();
        let (token, session, limit): (bool, bool, Vec<u64>) = questions.query_async(&mut redis).await.ok()?;
        Some(!token && !session && limit.first() == Some(&1))
    }
}
