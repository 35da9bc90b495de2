//! `docs/openapi.json`: the document that the gateway shows at `/openapi.json`, made without starting anything. Each service
//! tells its part (`user-service openapi`), and the gateway puts them together (`gateway openapi user.json …`).

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::workspace::{Workspace, run_quietly};

const SERVICES: [&str; 5] = ["user", "event", "queue", "reservation", "payment"];

pub(super) fn text(workspace: &Workspace) -> Result<String> {
    let binaries = workspace.binaries(false)?;
    let folder = workspace.dev().join("openapi");
    fs::create_dir_all(&folder)?;
    let mut gateway = Command::new(binaries.join("gateway"));
    gateway.arg("openapi");
    for service in SERVICES {
        let program = binaries.join(format!("{service}-service"));
        let path = folder.join(format!("{service}.json"));
        fs::write(&path, run_quietly(Command::new(program).arg("openapi"))?)?;
        gateway.arg(path);
    }
    run_quietly(&mut gateway)
}
