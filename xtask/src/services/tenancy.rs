//! Which database and topics are this folder's.
//!
//! Infrastructure may be shared: two clones reuse one server, containers keep their volumes when a clone is deleted. The
//! books of another folder do not fit our simulators' ledger, so the first folder to come gets the usual names and leaves
//! its mark as the database's comment; the next one gets names of its own.
//!
//! A folder may also meet several servers, or a database that was made anew. The simulated PortOne must know the payments of
//! exactly one database's books, so each database, not each name of one, has a ledger of its own.

use std::fs;

use anyhow::{Context as _, Result};
use uuid::Uuid;

use crate::infra::{Infra, postgres};
use crate::workspace::Workspace;

const USUAL_DATABASE: &str = "ticketing";

/// The names this folder uses on the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenancy {
    pub(super) database: String,
    /// Names this database among all that ever had its name, on whatever server.
    pub(super) books: String,
    /// Value of `KAFKA_TOPIC_PREFIX`.
    pub(super) topic_prefix: String,
}

impl Default for Tenancy {
    fn default() -> Self {
        Self {
            database: USUAL_DATABASE.to_owned(),
            books: String::new(),
            topic_prefix: String::new(),
        }
    }
}

impl Tenancy {
    /// Finds this folder's names, and makes sure that its database exists.
    pub(crate) async fn claim(workspace: &Workspace, infra: &Infra) -> Result<Self> {
        let mark = mark(workspace)?;
        let server = postgres::connect(&infra.database_url("postgres")).await?;
        let usual = Self::default();
        let found = server
            .query_opt(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = $1",
                &[&usual.database],
            )
            .await
            .context("cannot look for the database")?;
        let (tenancy, exists) = match found.map(|row| row.get::<_, Option<String>>(0)) {
            None => (usual, false),
            // Without a mark it was made by hand, and nobody's ledger belongs to it.
            Some(None) => (usual, true),
            Some(Some(owner)) if owner == mark => (usual, true),
            Some(Some(_)) => {
                let own = Self {
                    database: format!("ticketing_{mark}"),
                    books: String::new(),
                    topic_prefix: format!("{mark}."),
                };
                let query = "select 1 from pg_database where datname = $1";
                let exists = server.query_opt(query, &[&own.database]).await?.is_some();
                (own, exists)
            }
        };
        let database = &tenancy.database;
        if !exists {
            server.batch_execute(&format!("create database {database}")).await?;
        }
        server
            .batch_execute(&format!("comment on database {database} is '{mark}'"))
            .await?;
        let identity = "
            select datname || '-' || system_identifier || '-' || oid
            from pg_control_system(), pg_database
            where datname = $1";
        let identity = server.query_one(identity, &[database]).await;
        let books = identity.context("cannot tell which database this is")?.get(0);
        Ok(Self { books, ..tenancy })
    }
}

/// Eight hexadecimal digits that name the state folder; a new one has new ones.
fn mark(workspace: &Workspace) -> Result<String> {
    let path = workspace.dev().join("mark");
    if let Ok(mark) = fs::read_to_string(&path) {
        return Ok(mark.trim().to_owned());
    }
    let mark = Uuid::new_v4().simple().to_string()[..8].to_owned();
    fs::write(&path, format!("{mark}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(mark)
}
