//! The gateway as a process of its own.

use std::{collections::HashMap, net::SocketAddr, process::Stdio};
use test_support::Api;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A gateway whose output is what an operator sees, and whose metrics no other test adds to.
pub(crate) struct Process {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) async fn start(settings: &HashMap<String, String>, format: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .env_clear()
            .envs(settings)
            .env("LOG_FORMAT", format)
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = loop {
            let line = output.next_line().await.unwrap().expect("it starts");
            if line.contains("the service is up") {
                break line;
            }
        };
        let address = first.split("127.0.0.1:").nth(1).expect("it tells its address");
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        Self {
            child,
            output,
            address: SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
        }
    }

    /// The value of the series that a line of its metrics begins with, 0 if there is none.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let metrics = Api::new(&format!("http://{}", self.address)).get("/metrics").await;
        let metrics = metrics.expect(200);
        let lines = metrics.as_str().unwrap().lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        values.next().unwrap_or_default()
    }

    /// Ends it; the rest of what it wrote.
    pub(crate) async fn end(&mut self) -> String {
        let id = self.child.id().expect("it runs").to_string();
        Command::new("kill").arg(id).status().await.unwrap();
        let mut log = String::new();
        self.output.get_mut().read_to_string(&mut log).await.unwrap();
        self.child.wait().await.unwrap();
        log
    }
}
