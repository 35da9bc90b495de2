//! A second process of everything.

use crate::{Part, System, process::Running};
use std::{collections::HashMap, path::PathBuf};
use test_support::{Api, free_port};

/// Another process of every service and of the gateway, with the database, Redis database and topics of a [`System`]. Its
/// services call each other and not the system's, because a service knows one address of each other; workers, relays and
/// consumers of both share the work. Killed when dropped.
pub struct Cell {
    settings: HashMap<Part, HashMap<String, String>>,
    ports: HashMap<Part, u16>,
    running: HashMap<Part, Running>,
    logs: PathBuf,
    number: usize,
}

impl Cell {
    /// What runs twice: the simulators are the outside world and there is one of it.
    const PARTS: [Part; 6] = [
        Part::User,
        Part::Event,
        Part::Queue,
        Part::Reservation,
        Part::Payment,
        Part::Gateway,
    ];

    /// Starts them beside `system`; the number tells logs apart.
    pub async fn beside(system: &System, number: usize) -> Self {
        let ports: HashMap<Part, u16> = Self::PARTS.into_iter().map(|part| (part, free_port())).collect();
        let settings_of = |part: Part| {
            let mut settings = system.env.pairs(part.login());
            for other in Self::PARTS {
                if let Some(variable) = other.url_variable() {
                    settings.insert(variable.to_owned(), format!("http://127.0.0.1:{}", ports[&other]));
                }
            }
            settings.insert("PORT".to_owned(), ports[&part].to_string());
            let crash_file = system.crash_file(part).display().to_string();
            settings.insert("CRASH_FILE".to_owned(), crash_file);
            settings
        };
        let mut cell = Self {
            settings: Self::PARTS.map(|part| (part, settings_of(part))).into(),
            ports,
            running: HashMap::new(),
            logs: system.logs.clone(),
            number,
        };
        for part in Self::PARTS {
            cell.launch(part);
        }
        for part in Self::PARTS {
            cell.wait_ready(part).await;
        }
        cell
    }

    /// Its gateway, as the outside world calls it.
    #[must_use]
    pub fn gateway(&self) -> Api {
        Api::new(&self.url(Part::Gateway))
    }

    /// A part's own address.
    #[must_use]
    pub fn url(&self, part: Part) -> String {
        format!("http://127.0.0.1:{}", self.ports[&part])
    }

    /// Kills a part without warning.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self, part: Part) {
        self.running.remove(&part).expect("it runs").kill().await;
    }

    /// Starts a killed part again and waits until it is ready.
    pub async fn restart(&mut self, part: Part) {
        self.launch(part);
        self.wait_ready(part).await;
    }

    fn launch(&mut self, part: Part) {
        let running = Running::start(part, &self.settings[&part], &self.log(part));
        self.running.insert(part, running);
    }

    async fn wait_ready(&mut self, part: Part) {
        let (address, log) = (self.url(part), self.log(part));
        let running = self.running.get_mut(&part).expect("it was started");
        running.wait_ready(part, &address, &log).await;
    }

    fn log(&self, part: Part) -> PathBuf {
        self.logs.join(format!("{}-{}.log", part.binary(), self.number))
    }
}
