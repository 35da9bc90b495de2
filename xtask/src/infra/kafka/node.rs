use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{CLUSTER_ID, CONTROLLER, NAME, SECOND, java};
use crate::ports::Ports;
use crate::process::{self, Origin};
use crate::workspace::Workspace;

/// One process of Kafka.
pub(super) struct Node {
    pub(super) name: &'static str,
    id: u8,
    /// The port for clients, if it is a broker.
    pub(super) broker: Option<u16>,
    /// The port for brokers, if it is the controller.
    controller: Option<u16>,
    /// Who is the controller: its id and port.
    voter: (u8, u16),
    /// How many brokers keep each message.
    copies: u8,
    /// Its folder below Kafka's.
    folder: &'static str,
}

impl Node {
    /// All of this layout.
    pub(super) fn all(ports: &Ports) -> Vec<Self> {
        let copies = ports.layout.kafka_brokers;
        let controller = ports.kafka_controller;
        if copies == 1 {
            return vec![Self {
                name: NAME,
                id: 1,
                broker: Some(ports.kafka),
                controller: Some(controller),
                voter: (1, controller),
                copies,
                folder: ".",
            }];
        }
        let node = |name, id, broker, controller_port, folder| Self {
            name,
            id,
            broker,
            controller: controller_port,
            voter: (3, controller),
            copies,
            folder,
        };
        vec![
            node(CONTROLLER, 3, None, Some(controller), "controller"),
            node(NAME, 1, Some(ports.kafka), None, "broker-1"),
            node(SECOND, 2, Some(ports.kafka_second), None, "broker-2"),
        ]
    }

    /// Starts it on its folder, which is made first if there is none.
    pub(super) fn start(&self, workspace: &Workspace, home: &Path, libraries: &Path) -> Result<()> {
        let folder = home.join(self.folder);
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        // This is all that Kafka's own tool would write into a new folder, and takes no Java process of its own.
        let meta = data.join("meta.properties");
        if !meta.exists() {
            let text = format!("version=1\ncluster.id={CLUSTER_ID}\nnode.id={}\n", self.id);
            fs::write(&meta, text).with_context(|| format!("cannot write {}", meta.display()))?;
        }
        let properties = folder.join("server.properties");
        fs::write(&properties, self.properties(&data))?;
        let heap = if self.broker.is_some() { "512m" } else { "128m" };
        let mut command = java(libraries, heap);
        command.arg("kafka.Kafka").arg(&properties);
        process::start(workspace, self.name, &mut command, "kafka.Kafka", Origin::default())?;
        Ok(())
    }

    fn properties(&self, data: &Path) -> String {
        let mut roles = Vec::new();
        let mut listeners = Vec::new();
        let mut advertised = String::new();
        if let Some(port) = self.broker {
            roles.push("broker");
            listeners.push(format!("PLAINTEXT://127.0.0.1:{port}"));
            advertised =
                format!("inter.broker.listener.name=PLAINTEXT\nadvertised.listeners=PLAINTEXT://127.0.0.1:{port}\n");
        }
        if let Some(port) = self.controller {
            roles.push("controller");
            listeners.push(format!("CONTROLLER://127.0.0.1:{port}"));
        }
        let (roles, listeners) = (roles.join(","), listeners.join(","));
        let Self { id, copies, .. } = self;
        let (voter, voter_port) = self.voter;
        let data = data.display();
        format!(
            "process.roles={roles}\n\
             node.id={id}\n\
             controller.quorum.voters={voter}@127.0.0.1:{voter_port}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             listeners={listeners}\n\
             {advertised}\
             log.dirs={data}\n\
             # A mistyped topic must fail, not appear.\n\
             auto.create.topics.enable=false\n\
             num.partitions=3\n\
             # Each broker keeps everything, and one alone may go on.\n\
             default.replication.factor={copies}\n\
             min.insync.replicas=1\n\
             offsets.topic.replication.factor={copies}\n\
             offsets.topic.num.partitions=8\n\
             transaction.state.log.replication.factor={copies}\n\
             transaction.state.log.min.isr=1\n\
             # A lone consumer need not wait three seconds for others to join its group.\n\
             group.initial.rebalance.delay.ms=0\n\
             # The controller takes a killed broker for alive as long as this.\n\
             broker.session.timeout.ms=4000\n\
             broker.heartbeat.interval.ms=1000\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    #[test]
    fn a_single_broker_controls_itself_and_two_have_a_controller() {
        let mut ports = Ports::default();
        let [single] = Node::all(&ports).try_into().ok().unwrap();
        let properties = single.properties(Path::new("data"));
        assert!(properties.contains("process.roles=broker,controller\n"), "{properties}");
        assert!(properties.contains("default.replication.factor=1\n"), "{properties}");

        ports.layout = Layout {
            kafka_brokers: 2,
            ..Layout::default()
        };
        let nodes = Node::all(&ports);
        assert_eq!(nodes.iter().filter(|node| node.broker.is_some()).count(), 2);
        for node in nodes {
            let properties = node.properties(Path::new("data"));
            assert!(
                properties.contains("controller.quorum.voters=3@127.0.0.1:19093\n"),
                "{properties}"
            );
            assert!(properties.contains("default.replication.factor=2\n"), "{properties}");
            assert!(!properties.contains("process.roles=broker,controller"), "{properties}");
        }
    }
}
