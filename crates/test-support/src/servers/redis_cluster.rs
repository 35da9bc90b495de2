use super::{Missing, OwnRedis, process::PATIENCE};
use crate::{eventually, free_port};
use redis::{Cmd, FromRedisValue, cmd};

/// The slots of the three masters.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Three Redis masters of the test's own that form a cluster, to be killed one by one. They have no replicas, and those
/// left serve their slots without the others (`cluster-require-full-coverage no`, as production needs it too).
///
/// They know no `KEYS` and no `SCAN`, and as members of a cluster they refuse commands and scripts across slots: what works
/// here does without.
pub struct OwnRedisCluster {
    /// The masters in the order of their slots, then replicas.
    nodes: Vec<OwnRedis>,
}

impl OwnRedisCluster {
    /// How many masters there are.
    pub const MASTERS: usize = SLOTS.len();

    /// Starts it, which takes two or three seconds: a master waits so long before it serves.
    ///
    /// # Errors
    /// When there is no `redis-server`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Result<Self, Missing> {
        let mut masters = Vec::new();
        for _ in SLOTS {
            masters.push(OwnRedis::start_with(member()).await?);
        }
        let cluster = Self { nodes: masters };
        for (index, (first, last)) in SLOTS.into_iter().enumerate() {
            cluster
                .ask::<()>(index, cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last))
                .await;
            cluster
                .ask::<()>(index, cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(index + 1))
                .await;
        }
        for index in 1..Self::MASTERS {
            cluster.meet(index).await;
        }
        for index in 0..Self::MASTERS {
            cluster.wait_serving(index).await;
        }
        Ok(cluster)
    }

    /// Gives a master a replica that has all it has, and returns the replica's number.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn add_replica(&mut self, of: usize) -> usize {
        let replica = self.nodes.len();
        let node = OwnRedis::start_with(member()).await;
        self.nodes.push(node.unwrap_or_else(|missing| panic!("{missing}")));
        self.meet(replica).await;
        self.wait_serving(replica).await;
        let master: String = self.ask(of, cmd("CLUSTER").arg("MYID")).await;
        self.ask::<()>(replica, cmd("CLUSTER").arg("REPLICATE").arg(master))
            .await;
        self.wait_for(replica, cmd("INFO").arg("replication"), &["master_link_status:up"])
            .await;
        replica
    }

    /// Makes a replica the master of its killed master's slots, as the others do by themselves after a while.
    pub async fn take_over(&self, replica: usize) {
        self.ask::<()>(replica, cmd("CLUSTER").arg("FAILOVER").arg("TAKEOVER"))
            .await;
        self.wait_for(replica, cmd("INFO").arg("replication"), &["role:master"])
            .await;
    }

    /// For `REDIS_CLUSTER_URLS`.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(OwnRedis::url).collect();
        urls.join(",")
    }

    /// Which master owns a key. Asks the first one, which must be alive.
    ///
    /// # Panics
    /// When it is not.
    pub async fn master_of(&self, key: &str) -> usize {
        let slot: u16 = self.ask(0, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await;
        let owner = SLOTS.iter().position(|(first, last)| (*first..=*last).contains(&slot));
        owner.expect("a slot has an owner")
    }

    /// A node, to look into, freeze, or kill.
    pub fn node(&mut self, index: usize) -> &mut OwnRedis {
        &mut self.nodes[index]
    }

    /// Starts a killed master again with what it had written, and waits until it serves.
    pub async fn restart(&mut self, index: usize) {
        self.nodes[index].restart().await;
        self.wait_serving(index).await;
    }

    /// Starts a killed master again as the same member but without any data, and waits until it serves.
    pub async fn restart_empty(&mut self, index: usize) {
        self.nodes[index].restart_empty().await;
        self.wait_serving(index).await;
    }

    /// Sends a command to one master.
    ///
    /// # Panics
    /// When that fails.
    pub async fn ask<T: FromRedisValue>(&self, index: usize, command: &Cmd) -> T {
        let mut connection = self.nodes[index].connection().await;
        command.query_async(&mut connection).await.expect("the master answers")
    }

    /// Sends a command to the master that owns the key.
    pub async fn ask_owner<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> T {
        self.ask(self.master_of(key).await, command).await
    }

    /// Makes a node known to the first one, and so to all.
    async fn meet(&self, index: usize) {
        let port = self.nodes[0].port();
        let (_, bus): (String, u16) = self.ask(0, cmd("CONFIG").arg("GET").arg("cluster-port")).await;
        self.ask::<()>(index, cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(port).arg(bus))
            .await;
    }

    async fn wait_serving(&self, index: usize) {
        let lines = ["cluster_state:ok", "cluster_slots_assigned:16384"];
        self.wait_for(index, cmd("CLUSTER").arg("INFO"), &lines).await;
    }

    /// Waits until a node says all of this about itself.
    async fn wait_for(&self, index: usize, question: &Cmd, lines: &[&str]) {
        eventually("a node of the cluster is ready", PATIENCE, || async {
            let info: String = self.ask(index, question).await;
            let says = |line: &&str| info.lines().any(|said| said.trim() == *line);
            lines.iter().all(says).then_some(())
        })
        .await;
    }
}

fn member() -> Vec<String> {
    let bus = free_port().to_string();
    let words = [
        "--databases",
        "1",
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        // Long enough that nobody is declared dead because the machine is busy.
        "--cluster-node-timeout",
        "10000",
        "--cluster-require-full-coverage",
        "no",
        "--rename-command",
        "KEYS",
        "",
        "--rename-command",
        "SCAN",
        "",
    ];
    words.map(str::to_owned).to_vec()
}
