//! Which service the one file is.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const SERVICES: [&str; 6] = [
    "gateway",
    "user-service",
    "event-service",
    "queue-service",
    "reservation-service",
    "payment-service",
];

/// The file under another name, in a folder of the test's own.
fn called(test: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let link = folder.join(name);
    let _ = fs::remove_file(&link);
    symlink(env!("CARGO_BIN_EXE_ticket-queue"), &link).unwrap();
    link
}

fn version(program: &Path, service: Option<&str>) -> Output {
    let mut command = Command::new(program);
    command.env_clear().arg("--version");
    command.envs(service.map(|service| ("SERVICE", service)));
    command.output().unwrap()
}

fn line(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    str::from_utf8(&output.stdout).unwrap().trim()
}

#[test]
fn it_is_the_service_whose_name_it_is_called_by() {
    for name in SERVICES {
        let expected = format!("{name} {}", env!("CARGO_PKG_VERSION"));
        // Whatever the environment says.
        for variable in [None, Some("gateway"), Some("payment-service")] {
            let output = version(&called("names", name), variable);
            assert_eq!(line(&output), expected, "SERVICE={variable:?}");
        }
    }
}

#[test]
fn under_any_other_name_the_environment_tells() {
    let program = called("environment", "program");
    for name in SERVICES {
        let expected = format!("{name} {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(line(&version(&program, Some(name))), expected);
    }
}

#[test]
fn who_names_no_service_is_told_the_names() {
    for service in [None, Some(""), Some("ticketctl"), Some("Gateway")] {
        let output = version(&called("nobody", "program"), service);
        assert_eq!(output.status.code(), Some(2), "SERVICE={service:?}");
        let told = str::from_utf8(&output.stderr).unwrap();
        for name in SERVICES {
            assert!(told.contains(name), "{told}");
        }
        assert!(output.stdout.is_empty());
    }
}
