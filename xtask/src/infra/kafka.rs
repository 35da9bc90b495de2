//! Apache Kafka from Maven: one process that is broker and KRaft controller; or two brokers, each with a copy of everything, and
//! a controller beside them. Two controllers could not spare one another (a majority of two is two), so one broker of two
//! may die only if the controller is neither.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use self::node::Node;
use super::{Started, ensure_free, local, tools};
use crate::ports::Ports;
use crate::process;
use crate::workspace::{Workspace, run_quietly};

mod node;

pub(super) const NAME: &str = "kafka";
pub(super) const SECOND: &str = "kafka-2";
pub(super) const CONTROLLER: &str = "kafka-controller";
pub(super) const VERSION: &str = "3.9.1";

/// Names our clusters, natively as in docker-compose.yml: a broker with another one is a stranger's.
pub(super) const CLUSTER_ID: &str = "dGlja2V0LXF1ZXVlLWRldg";

const POM: &str = r#"<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local.ticket-queue</groupId>
  <artifactId>kafka-runtime</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>@version@</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#;

pub(super) async fn start(workspace: &Workspace, ports: &Ports) -> Result<Started> {
    let nodes = Node::all(ports);
    let missing = nodes
        .iter()
        .filter(|node| process::running(workspace, node.name).is_none());
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(Started::Now);
    }
    if missing.len() == nodes.len() {
        match probe_all(ports) {
            Ok(()) => return Ok(Started::Before),
            Err(reason) => ensure_free(ports.kafka, "Kafka", &reason)?,
        }
    }
    tools::ensure(&[tools::JAVA, tools::MAVEN])?;
    let home = workspace.dev().join("kafka");
    let libraries = fetch(&home)?;
    for node in missing {
        node.start(workspace, &home, &libraries)?;
    }
    Ok(Started::Now)
}

/// Where Kafka's jars are, if they were fetched.
pub(super) fn libraries(workspace: &Workspace) -> Option<PathBuf> {
    let libraries = workspace.dev().join("kafka").join(format!("libs-{VERSION}"));
    libraries.is_dir().then_some(libraries)
}

/// Resolves Kafka and its dependencies once and returns the folder of jars.
fn fetch(home: &Path) -> Result<PathBuf> {
    let libraries = home.join(format!("libs-{VERSION}"));
    if libraries.is_dir() {
        return Ok(libraries);
    }
    say!("fetching Kafka {VERSION} (46 MB, once)");
    fs::create_dir_all(home)?;
    let pom = home.join("pom.xml");
    fs::write(&pom, POM.replace("@version@", VERSION))?;
    // Renamed when complete, so that an interrupted download is not taken for a whole one.
    let partial = home.join("libs-partial");
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", partial.display()));
    run_quietly(&mut maven)?;
    fs::rename(&partial, &libraries)?;
    Ok(libraries)
}

/// A small JVM that starts fast: serial collector, first compiler tier only.
fn java(libraries: &Path, heap: &str) -> Command {
    let mut command = Command::new("java");
    command
        .arg(format!("-Xmx{heap}"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    command.args([
        "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
    ]);
    command.arg("-cp").arg(format!("{}/*", libraries.display()));
    command
}

/// Whether every broker is in service and knows all of them.
pub(super) fn probe_all(ports: &Ports) -> Result<()> {
    let brokers = Node::all(ports).into_iter().filter_map(|node| node.broker);
    for port in brokers {
        probe(port, ports.layout.kafka_brokers.into())?;
    }
    Ok(())
}

/// Whether a broker of ours is in service, with so many: it lists itself in its metadata only then.
fn probe(port: u16, wanted: i32) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&local(port), Duration::from_secs(1)).context("no answer")?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // Metadata (key 3, version 2), correlation id 7, no client id, no topics.
    let request = [0, 3, 0, 2, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];
    stream.write_all(&u32::try_from(request.len())?.to_be_bytes())?;
    stream.write_all(&request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).context("it does not speak Kafka")?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!((8..=65_536).contains(&length), "it does not speak Kafka");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    let mut answer = Answer { rest: &answer };
    ensure!(answer.int()? == 7, "it does not speak Kafka");
    let brokers = answer.int()?;
    for _ in 0..brokers {
        answer.int()?;
        answer.string()?;
        answer.int()?;
        answer.string()?;
    }
    let cluster = answer.string()?;
    ensure!(cluster == CLUSTER_ID, "its cluster is {cluster:?}");
    ensure!(brokers >= wanted, "{brokers} of {wanted} brokers are in service yet");
    Ok(())
}

/// The primitive types of Kafka's protocol.
struct Answer<'a> {
    rest: &'a [u8],
}

impl<'a> Answer<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count).context("a Kafka answer ends early")?;
        self.rest = rest;
        Ok(head)
    }

    fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    /// A nullable string; null reads as empty.
    fn string(&mut self) -> Result<&'a str> {
        let length = i16::from_be_bytes(self.take(2)?.try_into()?);
        Ok(std::str::from_utf8(self.take(usize::try_from(length).unwrap_or(0))?)?)
    }
}
