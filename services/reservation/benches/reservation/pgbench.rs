//! The transaction's statements as a script for pgbench.
//!
//! They are not written down a second time: the service runs its transaction once, and the server is asked which statements
//! that connection has prepared. What stands here is only which value goes where, and a statement that is not known, or
//! takes other parameters than it did, stops the bench.
//!
//! pgbench cannot make UUIDs, so those that differ from hold to hold are computed from a counter by the server, which costs
//! it some microseconds that the service's own transaction does not.

use anyhow::{Context as _, ensure};
use sqlx::PgPool;
use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

/// A statement of the transaction: how to recognise it, and for each parameter its type and pgbench's value.
struct Known {
    marker: &'static str,
    parameters: &'static [(&'static str, Value)],
    /// Whether later statements use what this one returns.
    returns: bool,
}

#[derive(Clone, Copy)]
enum Value {
    /// The buyer or the reservation, another one in each hold.
    Counted,
    /// Four seats that no other hold wants, sorted.
    Seats,
    /// A variable of pgbench.
    Variable(&'static str),
}
use Value::{Counted, Seats, Variable};

const USER: Value = Counted;
const RESERVATION: Value = Counted;
const EVENT: Value = Variable("event");

const KNOWN: [Known; 3] = [
    Known {
        marker: "pg_advisory_xact_lock(",
        parameters: &[("uuid", USER), ("uuid", EVENT)],
        returns: false,
    },
    Known {
        marker: "\"event_closed!\"",
        parameters: &[
            ("uuid", USER),
            ("uuid", EVENT),
            ("uuid[]", Seats),
            ("double precision", Variable("ttl")),
        ],
        returns: true,
    },
    Known {
        marker: "insert into reservation_service.reservations",
        parameters: &[
            ("uuid", RESERVATION),
            ("uuid", USER),
            ("uuid", EVENT),
            ("bigint", Variable("total")),
            ("timestamp with time zone", Variable("survey_expires_at")),
            ("text", Variable("title")),
            ("timestamp with time zone", Variable("start")),
            ("timestamp with time zone", Variable("start")),
            ("text", Variable("title")),
            ("uuid[]", Seats),
            ("text[]", Variable("numbers")),
            ("text[]", Variable("numbers")),
            ("bigint[]", Variable("prices")),
        ],
        returns: false,
    },
];

/// Numbers for this hold. Variables live as long as their client, so each client counts on its own.
const COUNT: &str = "\\set done :done + 1
\\set hold :client_id * 10000000 + :done
\\set seat_1 :hold * 4
\\set seat_2 :hold * 4 + 1
\\set seat_3 :hold * 4 + 2
\\set seat_4 :hold * 4 + 3
";

/// Values that are the same in every hold, and the counter's first.
const FIXED: [(&str, &str); 8] = [
    ("done", "0"),
    ("event", "01900000-0000-7000-8000-000000000001"),
    ("ttl", "300"),
    ("total", "600000"),
    ("title", "grant"),
    ("start", "2099-01-01T00:00:00Z"),
    ("numbers", "{A-12,A-12,A-12,A-12}"),
    ("prices", "{150000,150000,150000,150000}"),
];

/// Makes the script from what the connections of `pool`, of which there is one, have prepared.
pub(crate) async fn script(pool: &PgPool) -> anyhow::Result<String> {
    let statements: Vec<(String, String)> = sqlx::query_as(
        "select statement, parameter_types::text from pg_prepared_statements
         where statement not like '%pg_prepared_statements%' order by prepare_time",
    )
    .fetch_all(pool)
    .await?;
    ensure!(
        statements.len() == KNOWN.len(),
        "the hold runs {} statements and this bench knows {}: {statements:#?}",
        statements.len(),
        KNOWN.len()
    );
    let mut script = COUNT.to_owned();
    script.push_str("begin;\n");
    for (statement, types) in &statements {
        let known = KNOWN
            .iter()
            .find(|known| statement.contains(known.marker))
            .with_context(|| format!("this bench does not know this statement of the hold: {statement}"))?;
        script.push_str(&substituted(known, statement, types)?);
    }
    script.push_str("commit;\n");
    Ok(script)
}

fn substituted(known: &Known, statement: &str, types: &str) -> anyhow::Result<String> {
    let expected: Vec<&str> = known.parameters.iter().map(|parameter| parameter.0).collect();
    let found = types.replace(['{', '}', '"'], "");
    ensure!(
        found == expected.join(","),
        "a statement of the hold takes other parameters than this bench knows: {found}\n{statement}"
    );
    let mut text = statement.trim().to_owned();
    // Downwards, because $1 is the beginning of $10.
    for (index, (_, value)) in known.parameters.iter().enumerate().rev() {
        text = text.replace(&format!("${}", index + 1), &value.expression());
    }
    // pgbench makes variables of the columns, and takes no marks in their names.
    text = text.replace("!\"", "\"").replace("?\"", "\"");
    text.push_str(if known.returns { " \\gset survey_\n" } else { ";\n" });
    Ok(text)
}

impl Value {
    fn expression(self) -> String {
        match self {
            Variable(name) => format!(":{name}"),
            Counted => uuid("hold"),
            Seats => format!(
                "array[{}]",
                ["seat_1", "seat_2", "seat_3", "seat_4"].map(uuid).join(", ")
            ),
        }
    }
}

/// A UUID that no other hold of this run has, from a variable with a number.
fn uuid(variable: &str) -> String {
    format!("lpad(to_hex(:{variable}::bigint), 32, '0')::uuid")
}

/// What pgbench measured.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) latency_ms: f64,
}

/// Runs the script with as many threads as the machine has cores.
pub(crate) fn run(
    program: &Path,
    script: &str,
    url: &str,
    clients: usize,
    duration: Duration,
) -> anyhow::Result<Measured> {
    let file = std::env::temp_dir().join(format!("hold-{}.pgbench", std::process::id()));
    fs::write(&file, script)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(clients);
    let mut command = Command::new(program);
    command
        .args(["--no-vacuum", "--protocol=prepared", "--file"])
        .arg(&file)
        .args(["--client", &clients.to_string(), "--jobs", &threads.to_string()])
        .args(["--time", &duration.as_secs().max(1).to_string()]);
    for (name, value) in FIXED {
        command.arg(format!("--define={name}={value}"));
    }
    let output = command.arg(url).output().context("pgbench does not start")?;
    fs::remove_file(&file)?;
    let report = String::from_utf8_lossy(&output.stdout);
    let mut failure = String::new();
    write!(failure, "{report}{}", String::from_utf8_lossy(&output.stderr))?;
    ensure!(output.status.success(), "pgbench failed: {failure}");
    let figure = |label: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(label));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("pgbench says nothing of {label}: {report}"))
    };
    Ok(Measured {
        per_second: figure("tps = ")?,
        latency_ms: figure("latency average = ")?,
    })
}
