use super::*;

fn env(pairs: &[(&str, &str)]) -> Env {
    Env::from_pairs(pairs.iter().copied()).unwrap()
}

#[test]
fn an_unusable_number_names_its_variable() {
    let error = env(&[("DB_POOL_MAX", "many")])
        .parse_or("DB_POOL_MAX", 10_u32)
        .unwrap_err();
    assert!(error.to_string().starts_with("DB_POOL_MAX: `many`"), "{error}");
}

#[test]
fn production_refuses_missing_default_and_short_secrets() {
    for secret in [None, Some("local"), Some("too-short")] {
        let mut pairs = vec![("APP_ENV", "prod")];
        pairs.extend(secret.map(|value| ("JWT_SECRET", value)));
        let error = env(&pairs).secret("JWT_SECRET", "local").unwrap_err();
        assert_eq!(error.variable, "JWT_SECRET");
    }
    let long = "0123456789abcdef0123456789abcdef";
    assert!(
        env(&[("APP_ENV", "prod"), ("JWT_SECRET", long)])
            .secret("JWT_SECRET", "local")
            .is_ok()
    );
}

#[test]
fn production_takes_an_issued_secret_of_any_length_but_not_the_default() {
    for (secret, taken) in [(None, false), (Some("local"), false), (Some("ten-chars!"), true)] {
        let mut pairs = vec![("APP_ENV", "prod")];
        pairs.extend(secret.map(|value| ("OAUTH_NAVER_CLIENT_SECRET", value)));
        let result = env(&pairs).issued_secret("OAUTH_NAVER_CLIENT_SECRET", "local");
        assert_eq!(result.is_ok(), taken, "{secret:?}");
    }
    assert!(env(&[]).issued_secret("OAUTH_NAVER_CLIENT_SECRET", "local").is_ok());
}

#[test]
fn production_refuses_simulators() {
    for url in [
        "http://127.0.0.1:8090/portone",
        "https://localhost/portone",
        "http://api.portone.io",
    ] {
        let result = env(&[("APP_ENV", "prod"), ("PORTONE_BASE_URL", url)]).third_party_url("PORTONE_BASE_URL", "x");
        assert!(result.is_err(), "{url}");
    }
}

#[test]
fn an_empty_variable_is_unset_and_durations_take_fractions() {
    let env = env(&[("HOLD_TTL_SECONDS", ""), ("SHORT_SECONDS", "0.25")]);
    assert_eq!(
        env.seconds_or("HOLD_TTL_SECONDS", 300).unwrap(),
        Duration::from_secs(300)
    );
    assert_eq!(env.seconds_or("SHORT_SECONDS", 1).unwrap(), Duration::from_millis(250));
    assert!(env.seconds_or("SHORT_SECONDS", 1).is_ok());
}

#[test]
fn an_unknown_profile_is_refused() {
    assert_eq!(
        Env::from_pairs([("APP_ENV", "staging")]).unwrap_err().variable,
        "APP_ENV"
    );
}
