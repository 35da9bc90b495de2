//! The database's time for the public list of 10,000 concerts without any cache, for each filter. `--plans` shows how it
//! went about it.

#![expect(clippy::print_stdout, reason = "the figures are printed")]

use event_service::{ListPlan, explain_list};
use sqlx::PgPool;
use test_support::{
    TestEnv,
    measure::{Bar, Figure, figures, median},
};

/// Milliseconds for a page and the count, planning included.
const BAR: f64 = 5.0;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().collect();
    let (plans, quick) = (
        given.iter().any(|arg| arg == "--plans"),
        given.iter().any(|arg| arg == "--quick"),
    );
    let runs = if quick { 3 } else { 15 };

    let env = TestEnv::new().await;
    let pool = PgPool::connect(&env.superuser_url()).await?;
    sqlx::raw_sql(include_str!("seed.sql")).execute(&pool).await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await?;
    let venue: sqlx::types::Uuid = sqlx::query_scalar("SELECT venue_id FROM event_service.events LIMIT 1")
        .fetch_one(&pool)
        .await?;
    let now = common::Clock::system().now();
    let time = |days| {
        let at = now + chrono::TimeDelta::days(days);
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let queries = [
        String::new(),
        "page=250".to_owned(),
        "page=499".to_owned(),
        "sort=title,desc&size=100".to_owned(),
        "sort=saleStartAt,desc".to_owned(),
        "status=UPCOMING".to_owned(),
        "status=ONGOING".to_owned(),
        "status=ONGOING&sort=saleStartAt,desc".to_owned(),
        "status=ENDED".to_owned(),
        "status=ENDED&page=100&sort=title".to_owned(),
        "status=CANCELLED".to_owned(),
        "status=CANCELLED&sort=title".to_owned(),
        format!("city={SEOUL}"),
        format!("city={SEOUL}&status=ONGOING&sort=title"),
        format!("venueId={venue}"),
        format!("venueId={venue}&sort=title&status=UPCOMING"),
        format!("from={}&to={}", time(0), time(30)),
        format!("from={}&sort=title", time(0)),
        format!("from={}&to={}&sort=title", time(0), time(30)),
        format!("q={WINTER}"),
        format!("q={WINTER}&sort=title"),
        format!("q={ULL}"),
        format!("q={ULL}&sort=title"),
        format!("q={CONCERT}%201234"),
        "q=orchestra".to_owned(),
        "q=orchestra%20dream".to_owned(),
        "q=1".to_owned(),
        "q=%20".to_owned() + "1",
        "q=nothing%20like%20it".to_owned(),
        "q=e".to_owned(),
        "q=e&sort=title&status=ONGOING".to_owned(),
        format!("q={WINTER}&status=ONGOING&city={SEOUL}&from={}&sort=title", time(0)),
    ];
    let mut worst = 0.0_f64;
    let mut rows = Vec::new();
    for query in queries {
        let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let mut last: Option<[ListPlan; 2]> = None;
        for _ in 0..runs {
            let explained = explain_list(&pool, &query, now).await?;
            for (times, plan) in times.iter_mut().zip(&explained) {
                times.push(plan.milliseconds);
            }
            last = Some(explained);
        }
        let [page, count] = times.map(median);
        worst = worst.max(page + count);
        let both = page + count;
        let figure = format!("{both:.2} ms (page {page:.2}, count {count:.2})");
        let what = if query.is_empty() {
            "everything".to_owned()
        } else {
            format!("`{query}`")
        };
        rows.push(Figure::text(&what, figure).judged(Bar::AtMost(BAR), both));
        for plan in last.into_iter().flatten().filter(|_| plans) {
            println!("{}\n", plan.text);
        }
    }
    rows.push(Figure::new("the slowest", worst, "ms"));
    figures("A page and its count among 10,000 concerts, without a cache", &rows);
    Ok(())
}

/// 서울, 겨울, 울, 콘서트.
const SEOUL: &str = "%EC%84%9C%EC%9A%B8";
const WINTER: &str = "%EA%B2%A8%EC%9A%B8";
const ULL: &str = "%EC%9A%B8";
const CONCERT: &str = "%EC%BD%98%EC%84%9C%ED%8A%B8";
