//! The whole `main` of a service. Without an argument it serves. What can be asked of the program instead:
//!
//! | argument | |
//! |---|---|
//! | `health` | whether the service of this container is ready |
//! | `health --live` | whether it answers at all |
//! | `settings` | which variables it reads, as JSON |
//! | `openapi` | its API's document |
//! | `--version` | which it is |

use crate::{
    config::{ConfigError, Env},
    health_probe::{self, Question},
    lifecycle::{self, Application},
    log_writer, settings, telemetry, traces,
};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// A service as a program.
pub struct Program<C, B> {
    /// As in logs and metrics, `user-service`.
    pub name: &'static str,
    /// Reads its settings.
    pub config: fn(&Env) -> Result<C, ConfigError>,
    /// Builds it.
    pub build: B,
    /// Its API's document as JSON, given the program's further arguments.
    pub openapi: fn(&[PathBuf]) -> anyhow::Result<String>,
}

impl<C, B> Program<C, B> {
    /// Does what the arguments say, to the end.
    pub async fn run<F>(self) -> ExitCode
    where
        B: FnOnce(C) -> F,
        F: Future<Output = anyhow::Result<Application>>,
    {
        let name = self.name;
        let mut arguments = std::env::args_os().skip(1);
        let argument = arguments.next().map(|argument| argument.to_string_lossy().into_owned());
        let done = match argument.as_deref() {
            None => {
                let build = async |env| (self.build)((self.config)(&env)?).await;
                lifecycle::serve(name, build).await
            }
            Some("health") => {
                let rest: Vec<_> = arguments
                    .map(|argument| argument.to_string_lossy().into_owned())
                    .collect();
                health(&rest)
            }
            Some("settings") => self.settings().and_then(|text| print(&text)),
            Some("openapi") => {
                let parts: Vec<_> = arguments.map(PathBuf::from).collect();
                (self.openapi)(&parts).and_then(|text| print(&text))
            }
            Some("--version") => print(&format!("{name} {}", env!("CARGO_PKG_VERSION"))),
            Some(other) => Err(anyhow::anyhow!(
                "unknown argument {other}: settings are environment variables, the only arguments are `health`, \
                 `settings`, `openapi` and `--version`"
            )),
        };
        let code = match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // The logger may be what failed, so the reason goes to standard error as well.
                tracing::error!(service.name = name, error.message = %format!("{error:#}"), "the service ends");
                eprintln!("{name}: {error:#}");
                ExitCode::FAILURE
            }
        };
        traces::flush().await;
        log_writer::flush();
        code
    }

    fn settings(&self) -> anyhow::Result<String> {
        settings::describe(|env| {
            // Nothing is logged meanwhile; starting the log reads its settings too.
            telemetry::init(env)?;
            traces::init(self.name, env)?;
            (self.config)(env).map(drop)
        })
    }
}

fn health(arguments: &[String]) -> anyhow::Result<()> {
    let question = Question::from_arguments(arguments)?;
    health_probe::ask(&Env::from_process()?, question)
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(Into::into)
}
