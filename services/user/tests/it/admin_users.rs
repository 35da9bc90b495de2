use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};
use test_support::{Api, Login, Reply};
use user_service::{
    AdminAccount, AdminLock, AdminLockOutcome, AdminOutcome, Config, create_admin, list_admins, lock_admin,
};
use uuid::Uuid;

const ADMIN_PASSWORD: &str = "Adm1n-pass";

fn config(world: &World) -> Config {
    Config::from_env(&world.env.env(Some(Login::User))).unwrap()
}

async fn admin(world: &World, email: &str) -> (Uuid, Api) {
    let account = AdminAccount {
        email: email.into(),
        password: ADMIN_PASSWORD.into(),
        name: "Operator".into(),
    };
    let created = match create_admin(&config(world), account).await.unwrap() {
        AdminOutcome::Created(id) => Some(id),
        AdminOutcome::Exists => None,
    };
    let id = created.unwrap();
    (id, world.api.as_admin(id))
}

async fn lock(admin: &Api, user: Uuid) -> Reply {
    admin.post(&format!("/admin/users/{user}/lock"), &json!({})).await
}

async fn unlock(admin: &Api, user: Uuid) -> Reply {
    admin.post(&format!("/admin/users/{user}/unlock"), &json!({})).await
}

/// What was noted of an account: by whom, what, and how.
async fn audited(world: &World, target: Uuid) -> Vec<(Option<Uuid>, String, Value)> {
    sqlx::query_as(
        "SELECT actor_id, action, details FROM user_service.admin_audit_log
         WHERE target_id = $1 AND action <> 'ADMIN_CREATED' ORDER BY created_at, id",
    )
    .bind(target)
    .fetch_all(&world.db)
    .await
    .unwrap()
}

#[tokio::test]
async fn administrators_find_accounts_and_each_look_is_noted() {
    let world = World::start().await;
    let (admin_id, admin) = admin(&world, "admin@example.com").await;
    let buyer = world.register(&Person::buyer()).await;
    world.register(&Person::numbered(2)).await;

    let found = admin.get("/admin/users?email=Buyer%40Example.com").await.expect(200);
    let account = &found["content"][0];
    assert_eq!((&account["id"], &found["totalElements"]), (&json!(buyer), &json!(1)));
    assert_eq!(account["email"], "buyer@example.com");
    assert_eq!(
        (&account["name"], &account["phone"]),
        (&json!("김철수"), &json!("01012345678"))
    );
    assert_eq!(
        (&account["role"], &account["status"]),
        (&json!("USER"), &json!("ACTIVE"))
    );
    assert!(account.get("ci").is_none() && account.get("passwordHash").is_none());
    let one = admin.get(&format!("/admin/users/{buyer}")).await.expect(200);
    assert_eq!(&one, account);
    let nobody = admin.get("/admin/users?email=nobody@example.com").await.expect(200);
    assert_eq!((&nobody["content"], &nobody["totalElements"]), (&json!([]), &json!(0)));

    let list = admin.get("/admin/users?page=0&size=2").await.expect(200);
    assert_eq!((&list["totalElements"], &list["totalPages"]), (&json!(3), &json!(2)));
    assert_eq!(list["content"][0]["email"], "person2@example.com", "the newest first");
    let rest = admin.get("/admin/users?page=1&size=2").await.expect(200);
    assert_eq!(rest["content"][0]["id"], json!(admin_id));

    let by = |how: &str| (Some(admin_id), "USER_READ".to_owned(), json!({ "by": how }));
    assert_eq!(audited(&world, buyer).await, [by("email"), by("id"), by("list")]);
    let named = "SELECT count(*) FROM user_service.admin_audit_log WHERE request_id IS NULL AND action = 'USER_READ'";
    assert_eq!(world.count(named).await, 0, "each names its request");
}

#[tokio::test]
async fn what_is_not_there_or_not_asked_for_rightly_is_refused() {
    let world = World::start().await;
    let (_, admin) = admin(&world, "admin@example.com").await;
    for query in ["email=nonsense", "size=0", "page=x", "phone=01012345678"] {
        let reply = admin.get(&format!("/admin/users?{query}")).await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
    let id = Uuid::now_v7();
    let path = format!("/admin/users/{id}");
    admin.get(&path).await.expect_problem(404, "NOT_FOUND");
    lock(&admin, id).await.expect_problem(404, "NOT_FOUND");
    unlock(&admin, id).await.expect_problem(404, "NOT_FOUND");
    admin
        .get("/admin/users/7")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    for body in [
        json!({ "reason": "" }),
        json!({ "reason": "a\nb" }),
        json!({ "reason": "x".repeat(201) }),
        json!({ "until": 1 }),
    ] {
        let reply = admin.post(&format!("{path}/lock"), &body).await;
        assert_eq!(
            fields(&reply.expect_problem(400, "VALIDATION_FAILED")).len(),
            1,
            "{body}"
        );
    }
}

#[tokio::test]
async fn only_administrators_may_and_only_as_long_as_they_are() {
    let world = World::start().await;
    let (admin_id, admin) = admin(&world, "admin@example.com").await;
    let user = world.register(&Person::buyer()).await;
    // A token that says ADMIN may be an hour old.
    let pretender = world.api.as_admin(user);
    let former = world.api.as_admin(admin_id);
    world.set_status(admin_id, "LOCKED").await;
    for caller in [&world.api.as_user(user), &pretender, &former] {
        for path in ["/admin/users".to_owned(), format!("/admin/users/{user}")] {
            caller.get(&path).await.expect_problem(403, "FORBIDDEN");
        }
        lock(caller, user).await.expect_problem(403, "FORBIDDEN");
        unlock(caller, user).await.expect_problem(403, "FORBIDDEN");
    }
    world
        .api
        .get("/admin/users")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world.set_status(admin_id, "ACTIVE").await;
    let _accounts = admin.get("/admin/users").await.expect(200);
    assert_eq!(world.status_of(user).await, "ACTIVE");
}

#[tokio::test]
async fn a_locked_account_is_out_at_once_until_it_is_unlocked() {
    let world = World::start().await;
    let (admin_id, admin) = admin(&world, "admin@example.com").await;
    let buyer = Person::buyer();
    let (user, tokens) = world.signed_in_buyer().await;

    let path = format!("/admin/users/{user}/lock");
    let account = admin.post(&path, &json!({ "reason": " case 7 " })).await.expect(200);
    assert_eq!(account["status"], "LOCKED");
    assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    let refreshed = world.refresh(&tokens.refresh).await;
    refreshed.expect_problem(401, "REFRESH_TOKEN_INVALID");
    let login = world.try_login(&buyer.email, &buyer.password).await;
    login.expect_problem(423, "ACCOUNT_LOCKED");
    let wrong = world.try_login(&buyer.email, "Passw0rd?").await;
    wrong.expect_problem(401, "INVALID_CREDENTIALS");
    // Again, without a body: nothing more.
    let again = admin.call(http::Method::POST, &path, None).await.expect(200);
    assert_eq!(again["status"], "LOCKED");

    assert_eq!(unlock(&admin, user).await.expect(200)["status"], "ACTIVE");
    world.login(&buyer).await;
    let did = |action: &str, details: Value| (Some(admin_id), action.to_owned(), details);
    assert_eq!(
        audited(&world, user).await,
        [
            did("USER_LOCKED", json!({ "reason": "case 7" })),
            did("USER_UNLOCKED", json!({}))
        ]
    );
}

#[tokio::test]
async fn unlocking_wakes_no_dormant_account_and_revives_no_deleted_one() {
    let world = World::start().await;
    let (_, admin) = admin(&world, "admin@example.com").await;
    let user = world.register(&Person::buyer()).await;
    world.set_status(user, "DORMANT").await;
    assert_eq!(lock(&admin, user).await.expect(200)["status"], "LOCKED");
    assert_eq!(unlock(&admin, user).await.expect(200)["status"], "DORMANT");

    world.set_status(user, "ACTIVE").await;
    let body = json!({ "password": Person::buyer().password });
    let deleted = world
        .api
        .as_user(user)
        .call(http::Method::DELETE, "/users/me", Some(&body))
        .await;
    assert_eq!(deleted.status, 204);
    lock(&admin, user).await.expect_problem(404, "NOT_FOUND");
    unlock(&admin, user).await.expect_problem(404, "NOT_FOUND");
    let account = admin.get(&format!("/admin/users/{user}")).await.expect(200);
    assert_eq!(
        (&account["status"], &account["email"]),
        (&json!("DELETED"), &Value::Null)
    );
    assert!(account["name"].is_null() && account["phone"].is_null() && account["deletedAt"].is_string());
}

#[tokio::test]
async fn unlocking_forgets_the_bad_passwords_of_the_whole_world() {
    let settings = [("LOGIN_FAILURES_PER_ACCOUNT", "3")];
    let world = World::start_with(&settings).await;
    let (_, admin) = admin(&world, "admin@example.com").await;
    let buyer = Person::buyer();
    let user = world.register(&buyer).await;
    for number in 0..3 {
        let address = format!("198.51.100.{number}");
        let reply = world.try_login_from(&address, &buyer.email, "Passw0rd?").await;
        reply.expect_problem(401, "INVALID_CREDENTIALS");
    }
    let stopped = world.try_login(&buyer.email, &buyer.password).await;
    stopped.expect_problem(423, "ACCOUNT_LOCKED");
    assert_eq!(unlock(&admin, user).await.expect(200)["status"], "ACTIVE");
    world.login(&buyer).await;
}

#[tokio::test]
async fn of_administrators_who_lock_each_other_one_remains() {
    let world = World::start().await;
    let (one, first) = admin(&world, "one@example.com").await;
    let (two, second) = admin(&world, "two@example.com").await;
    lock(&first, one).await.expect_problem(403, "FORBIDDEN");
    let (a, b) = tokio::join!(lock(&first, two), lock(&second, one));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    let active = "SELECT count(*) FROM user_service.users WHERE status = 'ACTIVE'";
    assert_eq!(world.count(active).await, 1);
}

#[tokio::test]
async fn an_operator_lists_locks_and_unlocks_administrators() {
    let world = World::start().await;
    let (id, _) = admin(&world, "admin@example.com").await;
    world.register(&Person::buyer()).await;
    let config = config(&world);
    let tokens = crate::helpers::Tokens::of(&world.try_login("admin@example.com", ADMIN_PASSWORD).await.expect(200));

    let change = |email: &'static str, what| lock_admin(&config, email, what);
    assert_eq!(
        change("Admin@example.com", AdminLock::Lock).await.unwrap(),
        AdminLockOutcome::Done
    );
    assert_eq!(
        change("admin@example.com", AdminLock::Lock).await.unwrap(),
        AdminLockOutcome::Already
    );
    assert!(world.session_blacklisted_for(tokens.session()).await.is_some());
    let listed = list_admins(&config).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].id, listed[0].status.as_str()),
        (1, id, "LOCKED")
    );
    assert!(listed[0].email == "admin@example.com" && listed[0].last_login_at.is_some());
    assert_eq!(
        change("admin@example.com", AdminLock::Unlock).await.unwrap(),
        AdminLockOutcome::Done
    );
    // A buyer is not the operator's to lock this way.
    assert_eq!(
        change("buyer@example.com", AdminLock::Lock).await.unwrap(),
        AdminLockOutcome::Unknown
    );
    let _pair = world.try_login("admin@example.com", ADMIN_PASSWORD).await.expect(200);
    let noted = audited(&world, id).await;
    let noted: Vec<_> = noted
        .iter()
        .map(|(actor, action, _)| (actor.is_none(), action.as_str()))
        .collect();
    assert_eq!(noted, [(true, "USER_LOCKED"), (true, "USER_UNLOCKED")]);
}

#[tokio::test]
async fn only_administrators_see_how_the_service_is_doing() {
    let world = World::start().await;
    let path = "/users/admin/stats";
    world.api.get(path).await.expect_problem(401, "UNAUTHENTICATED");
    let user = world.api.as_user(Uuid::now_v7());
    user.get(path).await.expect_problem(403, "FORBIDDEN");
    let stats = world.api.as_admin(Uuid::now_v7()).get(path).await.expect(200);
    assert!(stats["process"]["instance"].is_string(), "{stats}");
}
