//! The text of `docs/configuration.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::configuration::{Readers, Setting};
use super::example::{Section, Variable};

const SERVICES: [&str; 6] = ["gateway", "user", "event", "queue", "reservation", "payment"];

const HEAD: &str = "# Configuration

Made by `cargo xtask docs` of what each program says it reads (`user-service settings` and its like) and of the comments in
`.env.example`; `cargo xtask check` fails when it is not up to date.

Programs read environment variables and nothing else. An empty variable counts as unset. A value that cannot be used ends the
program at its start with the variable's name. With `APP_ENV=prod` a program does not start either

- without a variable that is **required** here, or with its local default;
- with a *secret* shorter than 32 characters (an *issued secret* is as long as its issuer made it);
- with an address of a third party that is not https, or is on the same machine.

A secret `X` may stand in a file instead, which `X_FILE` names; its first line is the secret. Where *and `_PREVIOUS`* is said,
`X_PREVIOUS` or `X_PREVIOUS_FILE` names a former value that is believed as well during rotation. *Live* ones are read again within
a second when their file changes; all others need a restart. [operations.md](operations.md) has the order of a rotation.

Seconds and milliseconds may have fractions. \"—\" means that there is no default: the feature is off, or the text says what holds.
";

pub(super) fn document(sections: &[Section], readers: &Readers, used: &BTreeMap<String, Vec<&'static str>>) -> String {
    let mut text = HEAD.to_owned();
    for section in sections {
        let _ = write!(text, "\n## {}\n\n", section.title);
        if !section.about.is_empty() {
            let _ = write!(text, "{}\n\n", section.about);
        }
        text.push_str("| variable | read by | kind | default | meaning |\n|---|---|---|---|---|\n");
        for variable in &section.variables {
            let row = match readers.get(&variable.name) {
                Some(settings) => row(variable, settings),
                None => {
                    let users = used
                        .get(&variable.name)
                        .map(|users| users.join(", "))
                        .unwrap_or_default();
                    (users, "text".to_owned(), code(&variable.value))
                }
            };
            let (by, kind, default) = row;
            let _ = writeln!(
                text,
                "| `{}` | {by} | {kind} | {default} | {} |",
                variable.name,
                escaped(&variable.meaning)
            );
        }
    }
    text
}

fn row(variable: &Variable, settings: &[(&'static str, Setting)]) -> (String, String, String) {
    let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    // Who asks most precisely knows best.
    let fullest = settings.iter().map(|(_, setting)| setting).max_by_key(|setting| {
        let is_secret = setting.kind.ends_with("ecret");
        (
            is_secret,
            setting.required,
            // A service demands a length of what is ours, and none of what others issue; the simulators demand nothing.
            setting.kind == "issuedSecret",
            setting.kind != "text",
            setting.default.is_some(),
        )
    });
    let Some(fullest) = fullest else {
        return (String::new(), String::new(), String::new());
    };
    let mut kind = in_words(&fullest.kind).to_owned();
    if settings.iter().any(|(_, setting)| setting.previous) {
        kind.push_str(" and `_PREVIOUS`");
    }
    if settings.iter().any(|(_, setting)| setting.live) {
        kind.push_str(", live");
    }
    let mut default = default(&variable.name, settings, fullest);
    if settings.iter().any(|(_, setting)| setting.required) {
        default.push_str("; **required**");
    }
    (readers(&names), kind, default)
}

fn default(name: &str, settings: &[(&'static str, Setting)], fullest: &Setting) -> String {
    if let Some(words) = settings.iter().find_map(|(_, setting)| setting.explained.as_ref()) {
        return escaped(words);
    }
    if fullest.kind.ends_with("ecret") {
        return if fullest.required { "local only" } else { "—" }.to_owned();
    }
    let mut values: Vec<(String, Vec<&str>)> = Vec::new();
    for (program, setting) in settings {
        let value = setting.default.clone().unwrap_or_default();
        // What differs by nothing but the program's own name is one default.
        let value = match name {
            "DATABASE_URL" => value
                .replace(&format!("//{program}_"), "//<service>_")
                .replace(&format!("-{program}@"), "-<service>@"),
            _ => value,
        };
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, programs)) => programs.push(program),
            None => values.push((value, vec![program])),
        }
    }
    let shown: Vec<_> = values
        .iter()
        .map(|(value, programs)| match values.len() {
            1 => code(value),
            _ => format!("{} {}", code(value), programs.join(", ")),
        })
        .collect();
    let mut shown = shown.join("; ");
    if let Some(prod) = settings.iter().find_map(|(_, setting)| setting.prod_default.as_ref()) {
        let _ = write!(shown, "; in production {}", code(prod));
    }
    shown
}

fn code(value: &str) -> String {
    if value.is_empty() {
        "—".to_owned()
    } else {
        format!("`{}`", escaped(value))
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn readers(names: &[&str]) -> String {
    let absent: Vec<_> = SERVICES.iter().filter(|service| !names.contains(*service)).collect();
    let others = names.iter().filter(|name| !SERVICES.contains(*name)).copied();
    let services = match absent.as_slice() {
        [] => vec!["all services".to_owned()],
        [one] => vec![format!("all services but {one}")],
        _ => SERVICES
            .iter()
            .filter(|service| names.contains(*service))
            .map(|name| (*name).to_owned())
            .collect(),
    };
    services
        .into_iter()
        .chain(others.map(str::to_owned))
        .collect::<Vec<_>>()
        .join(", ")
}

fn in_words(kind: &str) -> &str {
    match kind {
        "wholeNumber" => "whole number",
        "flag" => "`true` or `false`",
        "file" => "name of a PEM file",
        "issuedSecret" => "issued secret",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_told_shortly() {
        assert_eq!(readers(&SERVICES), "all services");
        assert_eq!(
            readers(&["gateway", "user", "event", "queue", "reservation"]),
            "all services but payment"
        );
        assert_eq!(readers(&["user", "ticketctl"]), "user, ticketctl");
    }

    #[test]
    fn what_others_issue_is_told_as_such_though_the_simulators_have_it_too() {
        let secret = |kind: &str| Setting {
            kind: kind.to_owned(),
            default: None,
            prod_default: None,
            explained: None,
            required: false,
            live: false,
            previous: false,
        };
        let variable = Variable {
            name: "OAUTH_KAKAO_CLIENT_SECRET".to_owned(),
            value: String::new(),
            meaning: String::new(),
        };
        let settings = [("user", secret("issuedSecret")), ("simulators", secret("secret"))];
        assert_eq!(row(&variable, &settings).1, "issued secret");
    }

    #[test]
    fn a_default_that_differs_is_told_for_each() {
        let setting = |default: &str| Setting {
            kind: "wholeNumber".to_owned(),
            default: Some(default.to_owned()),
            prod_default: None,
            explained: None,
            required: false,
            live: false,
            previous: false,
        };
        let settings = [
            ("user", setting("8")),
            ("event", setting("8")),
            ("payment", setting("10")),
        ];
        assert_eq!(default("X", &settings, &settings[0].1), "`8` user, event; `10` payment");
        assert_eq!(default("X", &settings[..2], &settings[0].1), "`8`");
    }
}
