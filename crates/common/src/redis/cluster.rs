//! Redis Cluster: which master a command goes to, and what happens when that is wrong or the master is gone.
//!
//! The redis crate has a cluster client too. Ours differs in what an outage of one master does to the others: there, all
//! commands wait while one connection is made anew or the layout is read again, so that one machine that is switched off
//! stops everybody for seconds, again and again. Here each master has its own `ConnectionManager`, the same that serves a
//! single Redis, and a command meets nobody's trouble but its own master's.
//!
//! | what happens | then |
//! |---|---|
//! | MOVED, ASK, TRYAGAIN | the command is sent where the reply says, the layout is read again |
//! | the master does not answer, CLUSTERDOWN, READONLY | the command fails at once or after its time, as with a single Redis; the layout is read again, so that the next one finds the replica that took over |
//! | a master was silent the last time | the next commands wait a tenth of a second for it and no more, until it answers |
//! | no node answers, also at the start | commands fail; each tries anew, ten times a second at most |
//!
//! Nothing is sent twice unless a node said that it did not do it.

use super::{
    node::{ASKING_AROUND, Node},
    slots::{Owned, TAGS, Target, slot, target},
};
use ::redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisConnectionInfo, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value, aio::ConnectionLike,
};
use futures_util::future::{join_all, select_ok, try_join_all};
use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// More redirections than this mean that the nodes do not agree among themselves.
const REDIRECTIONS: usize = 5;
/// While a slot moves, a script may find one of its keys here and one there for a moment.
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// Between two readings of the layout.
const LAYOUT_PAUSE: Duration = Duration::from_millis(100);

/// A cluster. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cluster {
    shared: Arc<Shared>,
    /// Who just told this handle that it lacks a script. `SCRIPT LOAD` names no key, so this is where it goes.
    lacking: Vec<Arc<Node>>,
}

struct Shared {
    /// User and password, the same for every node.
    settings: RedisConnectionInfo,
    seeds: Vec<Arc<Node>>,
    /// Every node that is or was just spoken to.
    nodes: Mutex<Vec<Arc<Node>>>,
    layout: RwLock<Arc<Layout>>,
    /// Held while the layout is read; when that was last.
    reading: tokio::sync::Mutex<Option<Instant>>,
}

/// Who owns which slots. Empty until a node was reached.
#[derive(Default)]
struct Layout {
    /// First and last slot, in their order.
    ranges: Vec<(u16, u16, Arc<Node>)>,
    /// Each once, in the order of their slots.
    masters: Vec<Arc<Node>>,
}

/// One master's answers when all are asked.
pub(super) struct Answers {
    pub(super) replies: Vec<Value>,
    /// How many of [`TAGS`] are its own; the last replies are about these.
    pub(super) tags: usize,
}

impl Cluster {
    pub(super) fn new(seeds: &[ConnectionInfo]) -> RedisResult<Self> {
        let settings = seeds
            .first()
            .map(|seed| seed.redis_settings().clone())
            .unwrap_or_default();
        let seeds = seeds
            .iter()
            .map(|seed| match seed.addr() {
                ConnectionAddr::Tcp(host, port) => Node::open(host, *port, &settings),
                other => Err(RedisError::from((
                    ErrorKind::InvalidClientConfig,
                    "a cluster is reached by TCP",
                    other.to_string(),
                ))),
            })
            .collect::<RedisResult<Vec<_>>>()?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                nodes: Mutex::new(seeds.clone()),
                seeds,
                layout: RwLock::default(),
                reading: tokio::sync::Mutex::default(),
            }),
            lacking: Vec::new(),
        })
    }

    /// Asks every master for `about` and for the copies of `name` that lie with it. Nothing for those that do not answer.
    pub(super) async fn ask_all(&self, about: &[Cmd], name: &str) -> RedisResult<Vec<Option<Answers>>> {
        let layout = self.shared.known_layout().await?;
        let answers = join_all(layout.masters.iter().map(|master| {
            let mut questions = Pipeline::new();
            for command in about {
                questions.add_command(command.clone());
            }
            let own = TAGS.iter().filter(|tag| layout.is_owner(master, slot(tag.as_bytes())));
            for tag in own {
                questions.cmd("GET").arg(copy(name, tag));
            }
            async move {
                let replies = master.send_all(&questions, ASKING_AROUND).await?;
                let replies = replies
                    .into_iter()
                    .map(Value::extract_error)
                    .collect::<RedisResult<_>>()?;
                let tags = questions.len() - about.len();
                RedisResult::Ok(Answers { replies, tags })
            }
        }))
        .await;
        if answers.iter().any(Result::is_err) {
            self.shared.read_layout().await;
        }
        Ok(answers.into_iter().map(Result::ok).collect())
    }

    /// Asks every master the same. Those that do not answer are left out; by `host:port`.
    pub(super) async fn ask_each(&self, question: &Cmd) -> RedisResult<Vec<(String, Value)>> {
        let layout = self.shared.known_layout().await?;
        let answers = join_all(layout.masters.iter().map(|master| async move {
            let name = format!("{}:{}", master.host, master.port);
            RedisResult::Ok((name, master.send_briefly(question).await?))
        }))
        .await;
        super::where_reachable(answers)
    }

    async fn one(&mut self, command: &Cmd) -> RedisResult<Value> {
        match target(command) {
            Target::Slot(slot) => self.send_to_owner(slot, command).await,
            Target::Scripts => self.send_to_lacking(command).await,
            Target::Any => self.send_to_any(command).await,
        }
    }

    async fn send_to_owner(&mut self, slot: u16, command: &Cmd) -> RedisResult<Value> {
        let mut node = self.shared.owner(slot).await?;
        let (mut asking, mut redirections) = (false, 0);
        loop {
            let error = match node.send(command, asking).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            redirections += 1;
            match error.kind() {
                ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.lacking.push(node);
                    return Err(error);
                }
                ErrorKind::Server(ServerErrorKind::Moved) if redirections < REDIRECTIONS => {
                    self.shared.read_layout().await;
                    (node, asking) = (self.shared.named_by(&error, &node)?, false);
                }
                ErrorKind::Server(ServerErrorKind::Ask) if redirections < REDIRECTIONS => {
                    (node, asking) = (self.shared.named_by(&error, &node)?, true);
                }
                ErrorKind::Server(ServerErrorKind::TryAgain) if redirections < REDIRECTIONS => sleep(TRY_AGAIN).await,
                _ => {
                    if super::is_unavailable(&error) {
                        self.shared.read_layout().await;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Gives a script to those that lack it, else to every master that can be reached.
    async fn send_to_lacking(&mut self, command: &Cmd) -> RedisResult<Value> {
        let lacking = std::mem::take(&mut self.lacking);
        if lacking.is_empty() {
            let layout = self.shared.known_layout().await?;
            let loaded = join_all(layout.masters.iter().map(|node| node.send(command, false))).await;
            let loaded = super::where_reachable(loaded)?;
            return loaded.into_iter().next().ok_or_else(nobody);
        }
        let loaded = try_join_all(lacking.iter().map(|node| node.send(command, false))).await?;
        loaded.into_iter().next().ok_or_else(nobody)
    }

    /// Asks the first master in the order of their slots that answers: mostly the same one, so that `TIME` does not jump.
    async fn send_to_any(&self, command: &Cmd) -> RedisResult<Value> {
        let layout = self.shared.known_layout().await?;
        let mut last = nobody();
        for silent in [false, true] {
            for node in layout.masters.iter().filter(|node| node.is_silent() == silent) {
                match node.send_briefly(command).await {
                    Err(error) if super::is_unavailable(&error) => last = error,
                    reply => return reply,
                }
            }
        }
        self.shared.read_layout().await;
        Err(last)
    }

    /// Sends each command to its own master: all at once, and those of one master together.
    async fn many(&mut self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        if pipeline.is_transaction() {
            let reason = "a transaction would need all its keys in one slot; use a script";
            return Err(RedisError::from((ErrorKind::Client, reason)));
        }
        let mut shares: Vec<(Arc<Node>, Pipeline, Vec<usize>)> = Vec::new();
        for (index, command) in pipeline.cmd_iter().enumerate() {
            let node = match target(command) {
                Target::Slot(slot) => self.shared.owner(slot).await?,
                Target::Scripts | Target::Any => self.shared.owner(0).await?,
            };
            let share = match shares.iter_mut().find(|(owner, ..)| Arc::ptr_eq(owner, &node)) {
                Some(share) => share,
                None => shares.push_mut((node, Pipeline::new(), Vec::new())),
            };
            share.1.add_command(command.clone());
            share.2.push(index);
        }
        let sent = shares
            .iter()
            .map(|(node, share, _)| node.send_all(share, super::RESPONSE_TIMEOUT));
        let replies = match try_join_all(sent).await {
            Ok(replies) => replies,
            Err(error) => {
                self.shared.read_layout().await;
                return Err(error);
            }
        };
        let mut values = vec![Value::Nil; pipeline.len()];
        for ((node, _, indices), replies) in shares.iter().zip(replies) {
            for (index, reply) in indices.iter().zip(replies) {
                let kind = match &reply {
                    Value::ServerError(error) => error.kind(),
                    _ => None,
                };
                let reply = match (kind, pipeline.cmd_iter().nth(*index)) {
                    (Some(ServerErrorKind::NoScript), _) => {
                        self.lacking.push(Arc::clone(node));
                        reply
                    }
                    // Not done where it was sent, so it may be sent once more.
                    (
                        Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain),
                        Some(command),
                    ) => self.one(command).await?,
                    _ => reply,
                };
                if let Some(value) = values.get_mut(*index) {
                    *value = reply;
                }
            }
        }
        Ok(values)
    }
}

impl ConnectionLike for Cluster {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.one(cmd))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        _offset: usize,
        _count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(self.many(pipeline))
    }

    fn get_db(&self) -> i64 {
        0
    }
}

impl Shared {
    fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn known_layout(&self) -> RedisResult<Arc<Layout>> {
        let layout = self.layout();
        if !layout.masters.is_empty() {
            return Ok(layout);
        }
        self.read_layout().await;
        Some(self.layout())
            .filter(|layout| !layout.masters.is_empty())
            .ok_or_else(nobody)
    }

    async fn owner(&self, slot: u16) -> RedisResult<Arc<Node>> {
        if let Some(node) = self.layout().owner(slot) {
            return Ok(Arc::clone(node));
        }
        self.read_layout().await;
        self.layout().owner(slot).map(Arc::clone).ok_or_else(nobody)
    }

    /// The node that a redirection names.
    fn named_by(&self, error: &RedisError, asked: &Node) -> RedisResult<Arc<Node>> {
        let address = error.redirect_node().and_then(|(address, _)| address.rsplit_once(':'));
        let Some((host, Ok(port))) = address.map(|(host, port)| (host, port.parse())) else {
            return Err(error.clone());
        };
        self.node(if host.is_empty() { &asked.host } else { host }, port)
    }

    fn node(&self, host: &str, port: u16) -> RedisResult<Arc<Node>> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.iter().find(|node| node.host == host && node.port == port) {
            return Ok(Arc::clone(node));
        }
        let node = Node::open(host, port, &self.settings)?;
        nodes.push(Arc::clone(&node));
        Ok(node)
    }

    /// Reads the layout from whichever node answers first, unless that was done just now. Who has an old layout does not
    /// wait for somebody else's reading: it leads to the right place by a redirection or fails.
    async fn read_layout(&self) {
        let reading = if self.layout().masters.is_empty() {
            Some(self.reading.lock().await)
        } else {
            self.reading.try_lock().ok()
        };
        let Some(mut last) = reading.filter(|last| last.is_none_or(|at| at.elapsed() >= LAYOUT_PAUSE)) else {
            return;
        };
        let mut nodes = self.layout().masters.clone();
        nodes.extend(self.seeds.iter().cloned());
        let asked = nodes.iter().map(|node| Box::pin(node.ask_layout()));
        match select_ok(asked).await {
            Ok((ranges, _)) => self.learn(&ranges),
            Err(error) => tracing::debug!(error.message = %error, "no node of the Redis cluster tells the layout"),
        }
        *last = Some(Instant::now());
    }

    fn learn(&self, owned: &[Owned]) {
        let mut layout = Layout::default();
        for range in owned {
            let Ok(node) = self.node(&range.host, range.port) else {
                continue;
            };
            if !layout.masters.iter().any(|master| Arc::ptr_eq(master, &node)) {
                layout.masters.push(Arc::clone(&node));
            }
            layout.ranges.push((range.first, range.last, node));
        }
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        *nodes = [self.seeds.as_slice(), &layout.masters].concat();
        *self.layout.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(layout);
    }
}

impl Layout {
    fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, node) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(node)
    }

    fn is_owner(&self, node: &Arc<Node>, slot: u16) -> bool {
        self.owner(slot).is_some_and(|owner| Arc::ptr_eq(owner, node))
    }
}

/// The copy of `name` in the slot of a tag.
pub(super) fn copy(name: &str, tag: &str) -> String {
    format!("{name}:{{{tag}}}")
}

pub(super) fn nobody() -> RedisError {
    RedisError::from((
        ErrorKind::ClusterConnectionNotFound,
        "no node of the Redis cluster answers for this",
    ))
}
