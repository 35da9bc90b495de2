//! How the database goes about the public list. Only the bench uses this.

use crate::{db::event_list, routes::list_events::ListQuery};
use anyhow::Context as _;
use axum::extract::Query;
use chrono::{DateTime, Utc};
use common::problem::Problem;
use sqlx::PgPool;

/// What the database did for one statement.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct ListPlan {
    /// `EXPLAIN`'s own words.
    pub text: String,
    /// Planning and execution, in milliseconds.
    pub milliseconds: f64,
}

/// Runs the two statements of `GET /events?<query>`, which read a page and count all, and tells what they took.
///
/// # Errors
/// When the query is not one, or the database fails.
#[doc(hidden)]
pub async fn explain_list(pool: &PgPool, query: &str, now: DateTime<Utc>) -> anyhow::Result<[ListPlan; 2]> {
    let uri = format!("/events?{query}").parse().context("no URI")?;
    let Query(query) = Query::<ListQuery>::try_from_uri(&uri)?;
    let (filter, order, request) = query
        .read()
        .map_err(|problem: Problem| anyhow::anyhow!("{problem:?}"))?;
    let verb = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF)";
    let mut page = event_list::page_statement(verb, &filter, order, request, now);
    let page = page.build_query_scalar().persistent(false).fetch_all(pool).await?;
    let mut count = event_list::count_statement(verb, &filter, now);
    let count = count.build_query_scalar().persistent(false).fetch_all(pool).await?;
    Ok([plan(&page)?, plan(&count)?])
}

fn plan(lines: &[String]) -> anyhow::Result<ListPlan> {
    let mut milliseconds = 0.0;
    for line in lines {
        let time = line
            .strip_prefix("Planning Time: ")
            .or(line.strip_prefix("Execution Time: "));
        if let Some(time) = time.and_then(|time| time.strip_suffix(" ms")) {
            milliseconds += time.parse::<f64>()?;
        }
    }
    Ok(ListPlan {
        text: lines.join("\n"),
        milliseconds,
    })
}
