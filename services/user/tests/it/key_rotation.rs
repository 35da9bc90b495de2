//! The key of personal data is exchanged while people register and change their profiles.

use crate::helpers::{Person, World};
use serde_json::json;
use std::{path::PathBuf, time::Duration};
use test_support::{Login, Running, eventually};
use tokio::sync::mpsc;
use user_service::{Config, KeyStanding, KeyUse, build, key_use, rotate_keys};
use uuid::Uuid;

const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const SOON: Duration = Duration::from_secs(30);

/// A file of keys, deleted at the end.
struct KeyFile(PathBuf);

impl KeyFile {
    fn with(keys: &[&str]) -> Self {
        let file = Self(std::env::temp_dir().join(format!("keys-{}", Uuid::now_v7())));
        file.write(keys);
        file
    }

    /// As a whole or not at all, as volumes of secrets do it.
    fn write(&self, keys: &[&str]) {
        let draft = self.0.with_extension("draft");
        std::fs::write(&draft, keys.join("\n")).unwrap();
        std::fs::rename(draft, &self.0).unwrap();
    }

    fn setting(&self) -> [(&str, &str); 1] {
        [("PERSONAL_DATA_KEYS_FILE", self.0.to_str().unwrap())]
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

fn config(world: &World) -> Config {
    Config::from_env(&world.env.env(Some(Login::User))).unwrap()
}

async fn uses(world: &World) -> Vec<(String, KeyStanding, i64)> {
    let uses = key_use(&config(world)).await.unwrap().into_iter();
    uses.map(|KeyUse { key_id, standing, rows }| (key_id, standing, rows))
        .collect()
}

async fn people(world: &World, numbers: std::ops::Range<usize>) -> Vec<Uuid> {
    let mut users = Vec::new();
    for number in numbers {
        users.push(world.register(&Person::numbered(number)).await);
    }
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_exchanged_while_people_register_and_change_their_profiles() {
    let file = KeyFile::with(&[OLD]);
    let world = World::start_with(&file.setting()).await;
    let mut users = people(&world, 0..12).await;

    // The running service begins to write with the new key.
    file.write(&[NEW, OLD]);
    eventually("the service writes with the new key", SOON, || async {
        let name = json!({ "name": "김영희" });
        let _me = world.api.as_user(users[0]).put("/users/me", &name).await.expect(200);
        let new = "SELECT count(*) FROM user_service.users WHERE position('new'::bytea IN name_encrypted) = 2";
        (world.count(new).await == 1).then_some(())
    })
    .await;
    assert_eq!(
        uses(&world).await,
        [
            ("new".into(), KeyStanding::Encrypts, 1),
            ("old".into(), KeyStanding::Decrypts, 12)
        ]
    );

    let config = config(&world);
    let (rotated, registered, ()) = tokio::join!(rotate_keys(&config, |_| ()), people(&world, 100..106), async {
        for round in 0..20 {
            let phone = json!({ "phone": format!("010000000{round:02}") });
            let user = users[round % users.len()];
            let _me = world.api.as_user(user).put("/users/me", &phone).await.expect(200);
        }
    },);
    let rotated = rotated.unwrap();
    assert_eq!((rotated.unreadable, rotated.left), (0, 0));
    assert!(rotated.rows >= 12, "{rotated:?}");
    users.extend(registered);
    assert_eq!(
        uses(&world).await,
        [
            ("new".into(), KeyStanding::Encrypts, 18),
            ("old".into(), KeyStanding::Decrypts, 0)
        ]
    );

    // The old key is taken away, and another replica never had it.
    file.write(&[NEW]);
    let replica = Running::start(
        build(Config::from_env(&world.env.env(Some(Login::User))).unwrap())
            .await
            .unwrap(),
    );
    let replica = test_support::Api::as_gateway(&replica.url());
    for (number, user) in (0..12).chain(100..106).zip(&users) {
        let me = replica.as_user(*user).get("/users/me").await.expect(200);
        assert_eq!(me["email"], Person::numbered(number).email);
    }
    let _tokens = world.login(&Person::numbered(7)).await;
    let ciphertexts = "SELECT count(*) FROM user_service.users WHERE ci_encrypted IS NOT NULL
                       AND position('new'::bytea IN ci_encrypted) = 2";
    assert_eq!(world.count(ciphertexts).await, 18);
}

/// Copies of the accounts there are, so many of each: no key opens what was moved to another row.
async fn copies(world: &World, count: i32) {
    sqlx::query(
        "INSERT INTO user_service.users (id, email_encrypted, email_hash, password_hash, name_encrypted)
         SELECT gen_random_uuid(), email_encrypted, sha256((id::text || n)::bytea), password_hash, name_encrypted
         FROM user_service.users, generate_series(1, $1) AS n",
    )
    .bind(count)
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_dies_half_way_is_begun_again_and_finished() {
    let file = KeyFile::with(&[OLD]);
    let world = World::start_with(&file.setting()).await;
    let config_of = |file: &KeyFile, keys: &[&str]| {
        file.write(keys);
        config(&world)
    };
    let users = people(&world, 0..3).await;
    let sealer = config_of(&file, &[OLD]);
    // As many as several batches, made by the same code as the service's.
    for number in 0..120 {
        let account = user_service::AdminAccount {
            email: format!("admin{number}@example.com"),
            password: "Adm1n-pass".into(),
            name: "Operator".into(),
        };
        user_service::create_admin(&sealer, account).await.unwrap();
    }

    let both = config_of(&file, &[NEW, OLD]);
    let (told, mut batches) = mpsc::unbounded_channel();
    {
        let dying = rotate_keys(&both, move |rotated| told.send(*rotated).unwrap());
        tokio::select! {
            biased;
            first = batches.recv() => assert!(first.unwrap().rows > 0),
            whole = dying => panic!("it was not interrupted: {whole:?}"),
        }
    }
    let after_death = uses(&world).await;
    assert!(
        after_death[0].2 > 0 && after_death[1].2 > 0,
        "half done: {after_death:?}"
    );

    let rotated = rotate_keys(&both, |_| ()).await.unwrap();
    assert!(rotated.rows < 123, "what was done is not done again: {rotated:?}");
    assert_eq!((rotated.left, rotated.unreadable), (0, 0));
    assert_eq!(uses(&world).await[1].2, 0);
    let again = rotate_keys(&both, |_| ()).await.unwrap();
    assert_eq!(again.rows, 0);
    let me = world.api.as_user(users[1]).get("/users/me").await;
    // The service reads its file once a second; until then it cannot read what it has no key for.
    let me = if me.status == 200 {
        me
    } else {
        eventually("the service has the new key", SOON, || async {
            let me = world.api.as_user(users[1]).get("/users/me").await;
            (me.status == 200).then_some(me)
        })
        .await
    };
    assert_eq!(me.expect(200)["email"], "person1@example.com");
}

#[tokio::test]
async fn rows_that_no_key_opens_are_told_and_left_alone() {
    let file = KeyFile::with(&[OLD]);
    let world = World::start_with(&file.setting()).await;
    people(&world, 0..2).await;
    copies(&world, 2).await;
    file.write(&[NEW, OLD]);
    let rotated = rotate_keys(&config(&world), |_| ()).await.unwrap();
    assert_eq!((rotated.rows, rotated.unreadable, rotated.left), (2, 4, 0));
    file.write(&[NEW]);
    assert_eq!(
        uses(&world).await,
        [
            ("new".into(), KeyStanding::Encrypts, 2),
            ("old".into(), KeyStanding::Missing, 4)
        ]
    );
}

#[tokio::test]
async fn the_rotation_knows_every_column_of_personal_data() {
    let world = World::start().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s.%s', table_name, column_name) FROM information_schema.columns
         WHERE table_schema = 'user_service' AND column_name LIKE '%encrypted%' ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let known = ["ci", "di", "email", "name", "phone"].map(|name| format!("users.{name}_encrypted"));
    assert_eq!(columns, known, "services/user/src/db/reencryption.rs must know them");
}
