//! Every point in the sources is in a table here, and every table names points that are there.

use super::{accounts, changing, closing, holding, messages, paying, queueing, refunding, strays};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_point_has_a_row_and_every_row_a_point() {
    let rows = [
        &holding::AGAIN[..],
        &holding::NEVER_AGAIN,
        &paying::STEPS,
        &paying::ASKING_PORTONE,
        &paying::TWO_CARDS,
        &paying::OLD_LOCKS,
        &refunding::STEPS,
        &messages::RESERVATION,
        &messages::PAYMENT,
        &messages::PROJECTION,
        &messages::QUEUE,
    ];
    let named: BTreeSet<String> = rows
        .into_iter()
        .flatten()
        .map(|row| row.point)
        .chain(accounts::POINTS)
        .chain(strays::POINTS)
        .chain(changing::POINTS)
        .chain(closing::POINTS)
        .chain(queueing::points())
        .map(|point| point.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let there = points_in_sources();
    let untested: Vec<_> = there.difference(&named).collect();
    assert!(untested.is_empty(), "nobody dies at {untested:?}; see docs/testing.md");
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(gone.is_empty(), "no source has {gone:?}");
}

/// The names of all `crash::point` and `crash::point_of` in services and crates.
fn points_in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut points = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![root.join("crates"), root.join("services")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                // Comments speak of points too.
                let code: String = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect();
                for call in code.split("crash::point").skip(1) {
                    let call = call.trim_start_matches("_of").trim_start_matches('(').trim_start();
                    points.extend(
                        call.strip_prefix('"')
                            .and_then(|call| call.split('"').next())
                            .map(str::to_owned),
                    );
                }
            }
        }
    }
    assert!(points.len() > 30, "the sources were not found: {points:?}");
    points
}
