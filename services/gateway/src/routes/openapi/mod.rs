//! One document for the whole API, made of those that the services serve about themselves.

pub(super) mod documents;
mod gateway_rules;
mod merge;

use super::{OwnState, documented};
use crate::{config::Config, proxy::Backend, route_table::RouteTable};
use anyhow::Context;
use axum::{extract::State, response::IntoResponse};
use common::config::Env;
use http::header;
use serde_json::Value;
use std::{fs, path::PathBuf, sync::Arc};

/// The merged document.
pub(super) async fn show(State(state): State<Arc<OwnState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        state.documents.merged().await,
    )
}

/// The merged document of services that do not run: `parts` are files with their documents, named for the services, such as
/// `user.json`. Routes are those of the default table.
///
/// # Errors
/// When a file cannot be read or belongs to no service.
pub(crate) fn merged_of_files(parts: &[PathBuf]) -> anyhow::Result<String> {
    let read = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let backend = Backend::parse(name).with_context(|| format!("{} is of no service", path.display()))?;
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok((backend.name(), serde_json::from_slice(&text)?))
    };
    let parts = parts.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let table = Config::from_env(&Env::from_pairs::<String, String>([])?)?.routes;
    let own = serde_json::to_value(documented().1)?;
    Ok(serde_json::to_string_pretty(&whole(own, parts, &table))?)
}

/// Everything together, and what the gateway does to all of it.
fn whole<'a>(own: Value, parts: impl IntoIterator<Item = (&'a str, Value)>, table: &RouteTable) -> Value {
    let documents = std::iter::once(("gateway", own)).chain(parts);
    let mut document = merge::merge(documents);
    // Handlers' error replies have it in full, each of them.
    merge::refer(&mut document, "Problem");
    gateway_rules::add(&mut document, table);
    document
}
