//! The way of one request to a service: which of its replicas it goes to.

use super::{
    client::{self, Connector, Failure, Outgoing, Pool, ServiceBody},
    replies,
};
use common::replicas::{Chosen, Replicas};
use http::Response;
use resilience::breaker::Outcome;
use std::{net::SocketAddr, sync::Arc};

/// Where a request has been and is.
pub(super) struct Way<'a> {
    replicas: &'a Replicas,
    tried: Vec<SocketAddr>,
    at: Option<Chosen<'a>>,
}

impl<'a> Way<'a> {
    pub(super) fn new(replicas: &'a Replicas) -> Self {
        Self {
            replicas,
            tried: Vec::new(),
            at: None,
        }
    }

    /// One try: at a replica where it was not yet, if there is such a one, and at the next at once while they take no connection.
    /// Nothing was sent then, so this is no retry and costs none.
    ///
    /// # Errors
    /// When there is no reply, or none that can be read in one way only.
    pub(super) async fn call(
        &mut self,
        connector: &Connector,
        pool: &Arc<Pool>,
        request: &mut Outgoing,
    ) -> Result<Response<ServiceBody>, Failure> {
        let mut refused = None;
        loop {
            let mut next = self.replicas.choose(&self.tried).await.map_err(Failure::connect)?;
            if next.is_none() && refused.is_none() {
                self.tried.clear();
                next = self.replicas.choose(&[]).await.map_err(Failure::connect)?;
            }
            let Some(replica) = next else {
                return Err(refused.unwrap_or_else(|| Failure::connect(std::io::ErrorKind::NotFound.into())));
            };
            let replica = self.at.insert(replica);
            let failure = match client::call(connector, replica.address(), pool, request).await {
                Ok(reply) => {
                    match replies::judge(&reply) {
                        Outcome::Failure => replica.failed(),
                        Outcome::Success | Outcome::Ignored => replica.succeeded(),
                    }
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            self.tried.push(replica.address());
            if failure.is_refusal() {
                replica.unreachable();
            } else if failure.is_the_services() {
                replica.failed();
            }
            if !failure.is_refusal() || !request.rewind() {
                return Err(failure);
            }
            refused = Some(failure);
        }
    }

    /// It let the request wait for too long, and the client has done its part.
    pub(super) fn did_not_answer(&self) {
        if let Some(replica) = &self.at {
            replica.failed();
        }
    }
}
