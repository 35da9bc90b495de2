use super::{
    Missing, folder_of, on_path,
    process::{Folder, PATIENCE, Process},
};
use crate::{eventually, free_port};
use std::{fs, path::PathBuf};
use tokio::process::Command;

/// What the broker logs when it may be used.
const STARTED: &str = "Kafka Server started";

/// A Kafka of the test's own: broker and controller in one process.
pub struct OwnKafka {
    process: Process,
    java: PathBuf,
    libraries: PathBuf,
    port: u16,
    folder: Folder,
}

impl OwnKafka {
    /// Starts it.
    ///
    /// # Errors
    /// When Kafka's jars or Java are not there.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Result<Self, Missing> {
        let (java, libraries) = (on_path("java")?, folder_of("TICKET_QUEUE_KAFKA_LIBS", "")?);
        let (folder, port) = (Folder::new("kafka"), free_port());
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the data folder can be made");
        // This is all that formatting it would write that a new cluster needs, and takes no second Java process.
        let meta = "version=1\ncluster.id=dGlja2V0LXF1ZXVlLW93bg\nnode.id=1\n";
        fs::write(data.join("meta.properties"), meta).expect("the data folder can be written to");
        let properties = properties(&folder, port, free_port());
        fs::write(folder.path().join("server.properties"), properties).expect("the settings can be written");
        let mut kafka = Self {
            process: launch(&java, &libraries, &folder),
            java,
            libraries,
            port,
            folder,
        };
        kafka.wait_ready().await;
        Ok(kafka)
    }

    /// The bootstrap address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Starts the killed broker again with what it had written.
    pub async fn restart(&mut self) {
        self.process = launch(&self.java, &self.libraries, &self.folder);
        self.wait_ready().await;
    }

    async fn wait_ready(&mut self) {
        let (process, folder) = (&mut self.process, &self.folder);
        eventually("Kafka is in service", PATIENCE, || {
            assert!(process.is_alive(), "Kafka has ended: {}", folder.said());
            let log = fs::read_to_string(folder.log()).unwrap_or_default();
            std::future::ready(log.contains(STARTED).then_some(()))
        })
        .await;
    }
}

fn launch(java: &PathBuf, libraries: &std::path::Path, folder: &Folder) -> Process {
    let mut command = Command::new(java);
    command
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args([
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
        ])
        .arg("-cp")
        .arg(format!("{}/*", libraries.display()))
        .arg("kafka.Kafka")
        .arg(folder.path().join("server.properties"));
    Process::start(command, folder)
}

fn properties(folder: &Folder, port: u16, controller: u16) -> String {
    let data = folder.path().join("data");
    let data = data.display();
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         log.dirs={data}\n\
         auto.create.topics.enable=false\n\
         num.partitions=3\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=8\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         # The controller takes a killed broker for alive as long as this, and lets no other in.\n\
         broker.session.timeout.ms=2000\n\
         broker.heartbeat.interval.ms=500\n"
    )
}
