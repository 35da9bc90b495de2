//! Programs that tasks need: found, else installed from Debian packages, else named exactly.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::workspace::run;

/// A program and the Debian package it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(super) const JAVA: Tool = Tool {
    program: "java",
    package: "default-jre-headless",
};
pub(crate) const MAVEN: Tool = Tool {
    program: "mvn",
    package: "maven",
};
pub(crate) const JAVA_COMPILER: Tool = Tool {
    program: "javac",
    package: "default-jdk-headless",
};
pub(crate) const CURL: Tool = Tool {
    program: "curl",
    package: "curl",
};
pub(crate) const JQ: Tool = Tool {
    program: "jq",
    package: "jq",
};
pub(super) const REDIS: Tool = Tool {
    program: "redis-server",
    package: "redis-server",
};
pub(super) const PYTHON: Tool = Tool {
    program: "python3",
    package: "python3-venv",
};
pub(super) const TAR: Tool = Tool {
    program: "tar",
    package: "tar",
};
pub(super) const XZ: Tool = Tool {
    program: "xz",
    package: "xz-utils",
};
pub(super) const USERADD: Tool = Tool {
    program: "useradd",
    package: "passwd",
};

pub(super) const CHROMIUM: Tool = Tool {
    program: "chromium",
    package: "chromium",
};
pub(super) const CHROMEDRIVER: Tool = Tool {
    program: "chromedriver",
    package: "chromium-driver",
};

/// Makes sure that all of some programs exist.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing = |tools: &[Tool]| {
        tools
            .iter()
            .copied()
            .filter(|tool| find(tool.program).is_none())
            .collect::<Vec<_>>()
    };
    let absent = missing(tools);
    if absent.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = absent.iter().map(|tool| tool.package).collect();
    let programs: Vec<_> = absent.iter().map(|tool| tool.program).collect();
    if find("apt-get").is_none() {
        bail!(
            "please install {} (Debian packages: {})",
            programs.join(", "),
            packages.join(" ")
        );
    }
    if !is_root() {
        bail!(
            "{} missing; please run: sudo apt-get install -y {}",
            programs.join(", "),
            packages.join(" ")
        );
    }
    say!("installing {}", packages.join(" "));
    if install(&packages).is_err() {
        // A fresh machine has no package lists, an old one has stale ones.
        run(apt_get().args(["update", "-qq"]))?;
        install(&packages)?;
    }
    let still = missing(&absent);
    if let Some(tool) = still.first() {
        bail!(
            "package {} is installed but `{}` is not found in PATH",
            tool.package,
            tool.program
        );
    }
    Ok(())
}

/// Where a program lies, also in the system folders that an unprivileged PATH leaves out.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether this program may install packages and must start PostgreSQL as somebody else.
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // /proc/self belongs to the effective user.
    Path::new("/proc/self")
        .metadata()
        .is_ok_and(|metadata| metadata.uid() == 0)
}

fn install(packages: &[&str]) -> Result<()> {
    run(apt_get()
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    command
}
