//! Sessions (`design.md` §3.1): an access token of an hour and a refresh token of seven days that is replaced at each use.
//!
//! A session is a family of refresh tokens and its id is the access tokens' `sid`. Rotation is one compare-and-set, so two
//! tabs have one winner. The loser presents the immediate predecessor within ten seconds, which is no theft: 401 and the
//! family lives. Later, or any older token: someone has a copy, so the family ends and its `sid` is blacklisted. Rotating and
//! ending both lock the account first, so that a session that has ended has no successor on its way.
//!
//! Who may die where: between the commit of a rotation and the reply the client keeps the old token; it gets 401 within the
//! grace and must log in again after it. What happens between ending a family and blacklisting its `sid` stands in
//! [`crate::blacklist`]; the refresh token is dead either way.

use crate::{
    blacklist::{Blacklist, Ended},
    config::Config,
    db,
};
use common::{
    Clock, crash, crypto,
    identity::Role,
    jwt::{Claims, TokenIssuer, TokenVerifier},
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
    blacklist: Blacklist,
    db: PgPool,
    access_ttl: Duration,
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
    pub(crate) fn new(config: &Config, db: &PgPool, redis: &Redis, clock: Clock) -> Self {
        Self {
            issuer: TokenIssuer::new(config.jwt.clone(), clock.clone()),
            verifier: TokenVerifier::new(&config.jwt, clock.clone()),
            blacklist: Blacklist::new(redis.clone(), config.jwt.ttl()),
            db: db.clone(),
            access_ttl: config.jwt.ttl(),
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
    pub(crate) async fn rotate(&self, token: &str) -> Result<TokenPair, Problem> {
        let presented = crypto::sha256(token.as_bytes());
        let mut transaction = self.db.begin().await?;
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
                let ended = end(&mut transaction, vec![owner.family_id]).await?;
                transaction.commit().await?;
                tracing::warn!(user.id = %owner.user_id, session.id = %owner.family_id, "an old refresh token was presented");
                self.tell_or_leave(&ended).await;
                Err(Problem::new(Code::RefreshTokenReused))
            }
            db::tokens::Standing::JustRotated | db::tokens::Standing::Ended => {
                Err(Problem::new(Code::RefreshTokenInvalid))
            }
        }
    }

    /// What an access token says, if it is one of ours and lives.
    pub(crate) fn claims(&self, access_token: &str) -> Result<Claims, Problem> {
        self.verifier
            .verify(access_token)
            .map_err(|_| Problem::new(Code::Unauthenticated))
    }

    /// Ends the session of an access token, and that of a refresh token if it is the same user's. A logout is claimed only
    /// once the gateway knows of it.
    pub(crate) async fn log_out(&self, access_token: &str, refresh_token: Option<&str>) -> Result<(), Problem> {
        let claims = self.claims(access_token)?;
        let mut transaction = self.db.begin().await?;
        db::accounts::lock(&mut transaction, claims.sub).await?;
        let mut sessions = vec![claims.sid];
        if let Some(token) = refresh_token {
            let owner = db::tokens::owner(&mut transaction, &crypto::sha256(token.as_bytes())).await?;
            let other = owner.filter(|owner| owner.user_id == claims.sub && owner.family_id != claims.sid);
            sessions.extend(other.map(|owner| owner.family_id));
        }
        let ended = end(&mut transaction, sessions).await?;
        transaction.commit().await?;
        crash::point("user.sessions.ended");
        let rest = u64::try_from(claims.exp - self.clock.now().timestamp()).unwrap_or_default();
        let hash = crypto::sha256_hex(access_token.as_bytes());
        self.blacklist.add_token(&hash, Duration::from_secs(rest)).await?;
        Ok(self.blacklist.add(&ended).await?)
    }

    /// Ends every session of an account in the caller's transaction, but for `except`: all of its refresh tokens are dead
    /// with the commit. Locks the account, so that no session begins or goes on unnoticed meanwhile. After the commit, give
    /// what comes back to [`Sessions::tell_or_leave`].
    pub(crate) async fn end_all(
        &self,
        connection: &mut PgConnection,
        user: Uuid,
        except: Option<Uuid>,
    ) -> sqlx::Result<Ended> {
        db::accounts::lock(&mut *connection, user).await?;
        let sessions = db::tokens::live_families(&mut *connection, user, except).await?;
        end(connection, sessions).await
    }

    /// Tells the gateway at once that these sessions have ended, so that their access tokens are refused. To be called after
    /// the commit. If Redis is away the worker does it when it is back: what was committed is not taken back for that.
    pub(crate) async fn tell_or_leave(&self, ended: &Ended) {
        crash::point("user.sessions.ended");
        if let Err(error) = self.blacklist.add(ended).await {
            tracing::warn!(error.message = %error, "the gateway is told later that sessions have ended");
        }
    }

    pub(crate) fn blacklist(&self) -> &Blacklist {
        &self.blacklist
    }

    fn pair(&self, user: Uuid, role: Role, family: Uuid, refresh_token: String) -> Result<TokenPair, Problem> {
        let (access_token, _) = self.issuer.issue(user, role, family)?;
        Ok(TokenPair {
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_in: self.access_ttl.as_secs(),
        })
    }
}

/// Ends sessions of a locked account, and puts them on the list of what the gateway must know.
async fn end(connection: &mut PgConnection, sessions: Vec<Uuid>) -> sqlx::Result<Ended> {
    db::tokens::revoke_families(&mut *connection, &sessions).await?;
    db::ended_sessions::insert(connection, &sessions).await?;
    Ok(Ended(sessions))
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
