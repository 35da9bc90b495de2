//! Memory and processor time of the system's processes, from `/proc`.

use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

/// Infrastructure, by the names of the state file; everything else is ours.
const INFRASTRUCTURE: [&str; 4] = ["postgres", "redis", "kafka", "s3"];
const SIMULATORS: &str = "simulators";

/// Looks at processes from time to time.
#[derive(Debug, Default)]
pub struct Watch {
    pids: BTreeMap<String, u32>,
    processes: BTreeMap<String, Process>,
    /// The most that all services had together at one moment, in bytes.
    peak_together: u64,
    idle_together: u64,
}

/// What one process (PostgreSQL: with its children) used.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Bytes of memory before the load. Of a service: what is its own, and its part of what it shares with others (PSS),
    /// since services are one file, whose code would otherwise count six times.
    pub idle_bytes: u64,
    /// The most that were seen.
    pub peak_bytes: u64,
    /// Processor seconds during the load.
    pub cpu_seconds: f64,
    #[serde(skip)]
    cpu_before: Option<f64>,
}

/// What the processes used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// By name.
    pub processes: BTreeMap<String, Process>,
    /// What the gateway and the services, replicas included, had together before the load.
    pub services_idle_bytes: u64,
    /// The most that they had together.
    pub services_peak_bytes: u64,
}

/// One look at one process.
struct Sight {
    bytes: u64,
    cpu: f64,
}

impl Watch {
    /// Begins with a first look, which is the idle one.
    #[must_use]
    pub fn begin(pids: &BTreeMap<String, u32>) -> Self {
        let mut watch = Self {
            pids: pids.clone(),
            ..Self::default()
        };
        watch.look();
        watch.idle_together = watch.peak_together;
        for process in watch.processes.values_mut() {
            process.idle_bytes = process.peak_bytes;
        }
        watch
    }

    /// Looks again.
    pub fn look(&mut self) {
        let children = children();
        let mut together = 0;
        for (name, pid) in &self.pids {
            let Some(sight) = sight(name, *pid, &children) else {
                continue;
            };
            if is_service(name) {
                together += sight.bytes;
            }
            let process = self.processes.entry(name.clone()).or_default();
            process.peak_bytes = process.peak_bytes.max(sight.bytes);
            let before = *process.cpu_before.get_or_insert(sight.cpu);
            process.cpu_seconds = process.cpu_seconds.max(sight.cpu - before);
        }
        self.peak_together = self.peak_together.max(together);
    }

    /// What was seen.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            processes: self.processes.clone(),
            services_idle_bytes: self.idle_together,
            services_peak_bytes: self.peak_together,
        }
    }
}

/// Whether it is the gateway or one of the services, or a replica of one.
fn is_service(name: &str) -> bool {
    name != SIMULATORS && !INFRASTRUCTURE.iter().any(|infra| name.starts_with(infra))
}

fn sight(name: &str, pid: u32, children: &HashMap<u32, Vec<u32>>) -> Option<Sight> {
    let mut sight = Sight {
        bytes: memory(name, pid)?,
        cpu: cpu(pid)?,
    };
    if name == "postgres" {
        for child in children.get(&pid).into_iter().flatten() {
            sight.cpu += cpu(*child).unwrap_or_default();
        }
    }
    Some(sight)
}

/// A service's own bytes and its part of shared ones. The others share nothing with one another, and to have the pages of
/// Kafka's machine counted takes so long that the load would stand still meanwhile.
fn memory(name: &str, pid: u32) -> Option<u64> {
    let (file, field) = if is_service(name) {
        ("smaps_rollup", "Pss:")
    } else {
        ("status", "VmRSS:")
    };
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Processor seconds, of children that have ended too.
fn cpu(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may have anything in it; the times are the 12th to 15th field after it.
    let fields = stat.rsplit(')').next()?.split_whitespace();
    let ticks: u32 = fields
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    Some(f64::from(ticks) / 100.0)
}

/// The processes that each process started.
fn children() -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return children;
    };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_grows_has_a_peak() {
        let mut watch = Watch::begin(&BTreeMap::from([("gateway".to_owned(), std::process::id())]));
        let memory = std::hint::black_box(vec![1_u8; 64 << 20]);
        watch.look();
        drop(memory);
        watch.look();
        let usage = watch.usage();
        let process = &usage.processes["gateway"];
        assert!(
            process.idle_bytes > 0 && process.peak_bytes >= process.idle_bytes + (48 << 20),
            "{process:?}"
        );
        assert_eq!(usage.services_peak_bytes, process.peak_bytes);
    }

    #[test]
    fn infrastructure_and_simulators_are_no_services() {
        for (name, expected) in [
            ("queue-2", true),
            ("gateway", true),
            ("redis-cluster-1", false),
            ("simulators", false),
        ] {
            assert_eq!(is_service(name), expected, "{name}");
        }
    }
}
