//! Where posters are kept: a bucket of S3, or of something that speaks as S3 does.
//!
//! Each upload gets a name of its own that nothing else ever gets. So its address may be kept for ever, and removing an old
//! poster never takes one that came since.

use crate::domain::PosterType;
use bytes::Bytes;
use common::{
    config::{ConfigError, Env, Profile},
    crypto,
    problem::{Code, Problem},
};
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, ObjectStore as _, ObjectStoreExt as _, PutOptions, PutPayload,
    RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, sync::Arc, time::Duration};
use uuid::Uuid;

/// How long browsers keep a poster: its address never shows another one.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// The bucket's settings.
#[derive(Clone)]
pub(crate) struct PosterConfig {
    /// `S3_ENDPOINT`: where S3 is.
    endpoint: String,
    /// `S3_REGION`, default `ap-northeast-2`.
    region: String,
    /// `S3_PATH_STYLE`: whether the bucket stands in the path, as it does by default, or in front of the host's name.
    path_style: bool,
    /// `S3_ACCESS_KEY_ID`, `S3_SECRET_ACCESS_KEY` and `S3_SESSION_TOKEN`. Without them in production: those of the task's or
    /// the machine's role.
    credentials: Option<Credentials>,
    /// `S3_TIMEOUT_SECONDS`: how long one request may take with all its repetitions, default 10.
    timeout: Duration,
    /// `POSTER_BUCKET`, default `ticket-queue-posters`.
    bucket: String,
    /// `POSTER_PUBLIC_URL`: what the world finds the bucket's objects under; by default where S3 itself has them.
    public_url: String,
    /// `POSTER_MAX_BYTES`, default 5 MiB. The gateway has a limit of its own for the route.
    pub(crate) max_bytes: usize,
}

#[derive(Clone)]
struct Credentials {
    key_id: String,
    secret: SecretString,
    token: Option<String>,
}

impl PosterConfig {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let endpoint = env.third_party_url("S3_ENDPOINT", "http://127.0.0.1:19000")?;
        let bucket = env.string_or("POSTER_BUCKET", "ticket-queue-posters");
        let path_style = env.parse_or("S3_PATH_STYLE", true)?;
        let role = env.profile() == Profile::Prod && env.optional("S3_ACCESS_KEY_ID").is_none();
        let credentials = if role {
            None
        } else {
            Some(Credentials {
                key_id: env.address("S3_ACCESS_KEY_ID", "local")?,
                secret: env.issued_secret("S3_SECRET_ACCESS_KEY", "local-only-s3-secret-access-key-0123456789")?,
                token: env
                    .optional_secret("S3_SESSION_TOKEN")?
                    .map(|token| token.expose_secret().to_owned()),
            })
        };
        env.explain_default("POSTER_PUBLIC_URL", "the bucket's address at S3_ENDPOINT");
        let public_url = env.string_or("POSTER_PUBLIC_URL", &public_url(&endpoint, &bucket, path_style));
        Ok(Self {
            region: env.string_or("S3_REGION", "ap-northeast-2"),
            timeout: env.seconds_or("S3_TIMEOUT_SECONDS", 10)?,
            max_bytes: env.parse_or("POSTER_MAX_BYTES", 5 * 1024 * 1024)?,
            public_url: public_url.trim_end_matches('/').to_owned(),
            endpoint,
            bucket,
            path_style,
            credentials,
        })
    }
}

/// Where S3 itself has a bucket's objects.
fn public_url(endpoint: &str, bucket: &str, path_style: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
        _ => format!("{endpoint}/{bucket}"),
    }
}

/// The bucket; cheap to clone.
#[derive(Clone)]
pub(crate) struct Posters {
    store: Arc<AmazonS3>,
    public_url: String,
}

/// A poster that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) key: String,
    pub(crate) url: String,
}

impl Posters {
    pub(crate) fn new(config: &PosterConfig) -> anyhow::Result<Self> {
        let endpoint = if config.path_style {
            config.endpoint.clone()
        } else {
            public_url(&config.endpoint, &config.bucket, false)
        };
        let options = ClientOptions::new()
            .with_allow_http(endpoint.starts_with("http://"))
            .with_connect_timeout(Duration::from_secs(2))
            .with_timeout(config.timeout);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(1),
                base: 2.0,
            },
            max_retries: 2,
            retry_timeout: config.timeout,
        };
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_region(&config.region)
            .with_bucket_name(&config.bucket)
            .with_virtual_hosted_style_request(!config.path_style)
            .with_disable_bulk_delete(true)
            .with_client_options(options)
            .with_retry(retry);
        if let Some(Credentials { key_id, secret, token }) = &config.credentials {
            builder = builder
                .with_access_key_id(key_id)
                .with_secret_access_key(secret.expose_secret());
            if let Some(token) = token {
                builder = builder.with_token(token);
            }
        }
        Ok(Self {
            store: Arc::new(builder.build()?),
            public_url: config.public_url.clone(),
        })
    }

    /// Keeps a poster of the concert under a name of its own.
    ///
    /// # Errors
    /// 503 when S3 does not take it. It may have it all the same, and then nobody knows its name.
    pub(crate) async fn keep(&self, event_id: Uuid, kind: PosterType, image: Bytes) -> Result<Kept, Problem> {
        let hash: String = crypto::sha256_hex(&image).chars().take(16).collect();
        let key = format!(
            "posters/{event_id}/{}-{hash}.{}",
            Uuid::now_v7().simple(),
            kind.extension()
        );
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, kind.media_type()),
            (Attribute::CacheControl, CACHE_CONTROL),
        ]);
        let options = PutOptions::from(attributes);
        let path = Path::from(key.as_str());
        self.store
            .put_opts(&path, PutPayload::from_bytes(image), options)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(Kept {
            url: format!("{}/{key}", self.public_url),
            key,
        })
    }

    /// Removes a poster that is nobody's any more. If that fails it stays, which costs its space and nothing else.
    pub(crate) async fn remove(&self, key: &str) {
        if let Err(error) = self.store.delete(&Path::from(key)).await {
            tracing::warn!(poster.key = key, error.message = %error, "an old poster stays in the bucket");
        }
    }
}

fn unavailable(error: &impl fmt::Display) -> Problem {
    tracing::error!(error.message = %error, "S3 takes no poster");
    Problem::new(Code::ServiceUnavailable).retry_after(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_in_the_path_or_in_front_of_the_host() {
        let endpoint = "https://s3.ap-northeast-2.amazonaws.com";
        assert_eq!(public_url(endpoint, "b", true), format!("{endpoint}/b"));
        assert_eq!(
            public_url(endpoint, "b", false),
            "https://b.s3.ap-northeast-2.amazonaws.com"
        );
    }
}
