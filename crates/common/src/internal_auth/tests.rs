use super::*;
use chrono::TimeDelta;

fn setup() -> (Verifier, SigningKey, Clock) {
    let env = Env::from_pairs::<String, String>([]).unwrap();
    let clock = Clock::adjustable();
    let verifier = Verifier::from_env(&env, clock.clone()).unwrap();
    (verifier, SigningKey::from_env(&env, Service::Gateway).unwrap(), clock)
}

fn headers(key: &SigningKey, clock: &Clock) -> HeaderMap {
    let user = User {
        id: Uuid::nil(),
        role: Role::User,
    };
    let context = RequestContext::new();
    outgoing_headers(key, clock, &Method::GET, "/users/me?x=1", Some(user), &context)
}

#[test]
fn a_signed_request_names_its_caller() {
    let (verifier, key, clock) = setup();
    let headers = headers(&key, &clock);
    assert_eq!(
        verifier.verify(&Method::GET, "/users/me?x=1", &headers),
        Some(Service::Gateway)
    );
}

#[test]
fn any_change_breaks_the_signature() {
    let (verifier, key, clock) = setup();
    let good = headers(&key, &clock);
    assert_eq!(verifier.verify(&Method::POST, "/users/me?x=1", &good), None);
    assert_eq!(verifier.verify(&Method::GET, "/users/me?x=2", &good), None);
    for (name, value) in [
        (USER_ID_HEADER, "x"),
        (USER_ROLE_HEADER, "ADMIN"),
        (REQUEST_ID_HEADER, "y"),
    ] {
        let mut bad = good.clone();
        bad.insert(name, HeaderValue::from_static(value));
        assert_eq!(verifier.verify(&Method::GET, "/users/me?x=1", &bad), None, "{name}");
    }
}

#[test]
fn an_old_signature_is_refused() {
    let (verifier, key, clock) = setup();
    let headers = headers(&key, &clock);
    clock.advance(TimeDelta::seconds(31));
    assert_eq!(verifier.verify(&Method::GET, "/users/me?x=1", &headers), None);
}

#[test]
fn the_former_key_is_accepted_during_rotation() {
    let clock = Clock::system();
    let former = SigningKey::from_env(
        &Env::from_pairs([("INTERNAL_KEY_GATEWAY", "old")]).unwrap(),
        Service::Gateway,
    );
    let env = Env::from_pairs([
        ("INTERNAL_KEY_GATEWAY", "new"),
        ("INTERNAL_KEY_GATEWAY_PREVIOUS", "old"),
    ])
    .unwrap();
    let verifier = Verifier::from_env(&env, clock.clone()).unwrap();
    let headers = headers(&former.unwrap(), &clock);
    assert_eq!(
        verifier.verify(&Method::GET, "/users/me?x=1", &headers),
        Some(Service::Gateway)
    );
}
