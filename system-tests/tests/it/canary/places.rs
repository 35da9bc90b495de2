//! Everything that the system has written, as text.

use redis::aio::MultiplexedConnection;
use sqlx::{AssertSqlSafe, PgPool};
use system_tests::{Part, System};

/// What kind of thing was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Log,
    Metrics,
    Redis,
    Table,
}

/// Something that was written.
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) text: String,
}

/// The logs and metrics of our six services, all keys of Redis, all tables. Messages are rows of the outbox, too. The
/// simulators are other companies, who know their customers.
pub(super) async fn everywhere(system: &System) -> Vec<Place> {
    let mut places = Vec::new();
    let own = Part::ALL.into_iter().filter(|part| *part != Part::Simulators);
    for part in own {
        let name = format!("{}.log", part.binary());
        let log = std::fs::read(std::path::Path::new(&system.logs()).join(&name)).unwrap();
        places.push(Place {
            kind: Kind::Log,
            name,
            text: String::from_utf8_lossy(&log).into_owned(),
        });
        let metrics = reqwest::get(format!("{}/metrics", system.url(part))).await.unwrap();
        assert_eq!(metrics.status(), 200);
        places.push(Place {
            kind: Kind::Metrics,
            name: format!("the metrics of {part:?}"),
            text: metrics.text().await.unwrap(),
        });
    }
    places.extend(tables(&PgPool::connect(&system.env().superuser_url()).await.unwrap()).await);
    places.extend(keys(test_support::connect_redis(system.env().redis_url()).await).await);
    places
}

/// Every row of every table of ours; bytes are shown as hexadecimal.
async fn tables(db: &PgPool) -> Vec<Place> {
    let names: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let mut places = Vec::new();
    for name in names {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("select t::text from {name} t")))
            .fetch_all(db)
            .await
            .unwrap();
        places.push(Place {
            kind: Kind::Table,
            name,
            text: rows.join("\n"),
        });
    }
    places
}

/// Every key with all that is in it.
async fn keys(mut redis: MultiplexedConnection) -> Vec<Place> {
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let mut places = Vec::new();
    for name in names {
        let kind: String = redis::cmd("TYPE").arg(&name).query_async(&mut redis).await.unwrap();
        let read = match kind.as_str() {
            "string" => redis::cmd("GET").arg(&name).to_owned(),
            "hash" => redis::cmd("HGETALL").arg(&name).to_owned(),
            "set" => redis::cmd("SMEMBERS").arg(&name).to_owned(),
            "zset" => redis::cmd("ZRANGE")
                .arg(&name)
                .arg(0)
                .arg(-1)
                .arg("WITHSCORES")
                .to_owned(),
            "list" => redis::cmd("LRANGE").arg(&name).arg(0).arg(-1).to_owned(),
            "stream" => redis::cmd("XRANGE").arg(&name).arg("-").arg("+").to_owned(),
            other => {
                assert_eq!(other, "none", "either it expired meanwhile, or it must be searched");
                continue;
            }
        };
        let value: redis::Value = read.query_async(&mut redis).await.unwrap();
        let mut text = name.clone();
        write_value(&value, &mut text);
        places.push(Place {
            kind: Kind::Redis,
            name: format!("Redis {name}"),
            text,
        });
    }
    places
}

fn write_value(value: &redis::Value, out: &mut String) {
    out.push('\n');
    match value {
        redis::Value::BulkString(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        redis::Value::SimpleString(text) => out.push_str(text),
        redis::Value::Array(values) | redis::Value::Set(values) => {
            values.iter().for_each(|value| write_value(value, out));
        }
        redis::Value::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            write_value(name, out);
            write_value(value, out);
        }),
        other => out.push_str(&format!("{other:?}")),
    }
}
