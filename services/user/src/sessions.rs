//! Sessions (`design.md` §3.1): an access token of an hour and a refresh token of seven days that is replaced at each use.
//!
//! A session is a family of refresh tokens and its id is the access tokens' `sid`. Rotation is one compare-and-set, so two
//! tabs have one winner. The loser presents the immediate predecessor within ten seconds, which is no theft: 401 and the
//! family lives. Later, or any older token: someone has a copy, so the family ends and its `sid` is blacklisted. Rotating and
//! ending both lock the account first, so that a session that has ended has no successor on its way.
//!
//! Who may die where: between the commit of a rotation and the reply the client keeps the old token; it gets 401 within the
//! grace and must log in again after it. Between ending a family and blacklisting its `sid`, access tokens of the family live
//! until they expire; the refresh token is dead either way.

use crate::{config::Config, db};
use common::{
    Clock, crypto,
    identity::Role,
    jwt::{Claims, JwtConfig, TokenIssuer, TokenVerifier},
    problem::{Code, Problem},
    redis::Redis,
};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Issues, rotates and ends sessions.
pub(crate) struct Sessions {
    issuer: TokenIssuer,
    verifier: TokenVerifier,
    jwt: JwtConfig,
    clock: Clock,
    refresh_ttl: Duration,
    reuse_grace: Duration,
}

/// What a client signs in with from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenPair {
    access_token: String,
    refresh_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 3600)]
    expires_in: u64,
}

impl Sessions {
    pub(crate) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            issuer: TokenIssuer::new(config.jwt.clone(), clock.clone()),
            verifier: TokenVerifier::new(&config.jwt, clock.clone()),
            jwt: config.jwt.clone(),
            clock,
            refresh_ttl: config.refresh_ttl,
            reuse_grace: config.reuse_grace,
        }
    }

    /// Begins a session, in the transaction of the login.
    pub(crate) async fn begin(
        &self,
        connection: &mut PgConnection,
        user: Uuid,
        role: Role,
    ) -> Result<TokenPair, Problem> {
        let family = Uuid::now_v7();
        let refresh = NewToken::make(user, family);
        db::tokens::insert(connection, &refresh.row, self.refresh_ttl).await?;
        self.pair(user, role, family, refresh.token)
    }

    /// Replaces a refresh token by its successor.
    pub(crate) async fn rotate(&self, db: &PgPool, redis: &Redis, token: &str) -> Result<TokenPair, Problem> {
        let presented = crypto::sha256(token.as_bytes());
        let mut transaction = db.begin().await?;
        let Some(owner) = db::tokens::owner(&mut transaction, &presented).await? else {
            return Err(Problem::new(Code::RefreshTokenInvalid));
        };
        db::accounts::lock(&mut transaction, owner.user_id).await?;
        let successor = NewToken::make(owner.user_id, owner.family_id);
        if db::tokens::retire(&mut transaction, &presented, successor.row.id).await? {
            db::tokens::insert(&mut transaction, &successor.row, self.refresh_ttl).await?;
            transaction.commit().await?;
            return self.pair(owner.user_id, owner.role, owner.family_id, successor.token);
        }
        let standing = db::tokens::standing(&mut transaction, &presented, self.reuse_grace).await?;
        match standing {
            db::tokens::Standing::Reused => {
                db::tokens::revoke_family(&mut transaction, owner.family_id).await?;
                transaction.commit().await?;
                tracing::warn!(user.id = %owner.user_id, session.id = %owner.family_id, "an old refresh token was presented");
                self.blacklist_session(redis, owner.family_id).await?;
                Err(Problem::new(Code::RefreshTokenReused))
            }
            db::tokens::Standing::JustRotated | db::tokens::Standing::Ended => {
                Err(Problem::new(Code::RefreshTokenInvalid))
            }
        }
    }

    /// Ends the session of an access token, and that of a refresh token if it is the same user's.
    pub(crate) async fn end(
        &self,
        db: &PgPool,
        redis: &Redis,
        access_token: &str,
        refresh_token: Option<&str>,
    ) -> Result<(), Problem> {
        let claims = self
            .verifier
            .verify(access_token)
            .map_err(|_| Problem::new(Code::Unauthenticated))?;
        let mut transaction = db.begin().await?;
        db::accounts::lock(&mut transaction, claims.sub).await?;
        db::tokens::revoke_family(&mut transaction, claims.sid).await?;
        let mut ended = vec![claims.sid];
        if let Some(token) = refresh_token {
            let owner = db::tokens::owner(&mut transaction, &crypto::sha256(token.as_bytes())).await?;
            if let Some(owner) = owner.filter(|owner| owner.user_id == claims.sub && owner.family_id != claims.sid) {
                db::tokens::revoke_family(&mut transaction, owner.family_id).await?;
                ended.push(owner.family_id);
            }
        }
        transaction.commit().await?;
        self.blacklist_token(redis, access_token, &claims).await?;
        for session in ended {
            self.blacklist_session(redis, session).await?;
        }
        Ok(())
    }

    async fn blacklist_token(&self, redis: &Redis, token: &str, claims: &Claims) -> Result<(), Problem> {
        let key = format!("token:blacklist:{}", crypto::sha256_hex(token.as_bytes()));
        // A little longer than the token can live, so that no clock lets it slip through.
        let rest = u64::try_from(claims.exp - self.clock.now().timestamp()).unwrap_or_default() + 60;
        self.blacklist(redis, &key, rest).await
    }

    /// Every access token of the session was issued at most one lifetime ago.
    async fn blacklist_session(&self, redis: &Redis, session: Uuid) -> Result<(), Problem> {
        self.blacklist(
            redis,
            &format!("token:blacklist:sid:{session}"),
            self.jwt.ttl().as_secs() + 60,
        )
        .await
    }

    async fn blacklist(&self, redis: &Redis, key: &str, seconds: u64) -> Result<(), Problem> {
        let mut redis = redis.clone();
        ::redis::cmd("SET")
            .arg(key)
            .arg(1)
            .arg("EX")
            .arg(seconds)
            .query_async::<()>(&mut redis)
            .await?;
        Ok(())
    }

    fn pair(&self, user: Uuid, role: Role, family: Uuid, refresh_token: String) -> Result<TokenPair, Problem> {
        let (access_token, _) = self.issuer.issue(user, role, family)?;
        Ok(TokenPair {
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_in: self.jwt.ttl().as_secs(),
        })
    }
}

/// A refresh token and the row that remembers it by its hash.
struct NewToken {
    token: String,
    row: db::tokens::Row,
}

impl NewToken {
    fn make(user_id: Uuid, family_id: Uuid) -> Self {
        let token = crypto::random_token("rt_");
        let hash = crypto::sha256(token.as_bytes());
        Self {
            token,
            row: db::tokens::Row {
                id: Uuid::now_v7(),
                user_id,
                family_id,
                hash,
            },
        }
    }
}
