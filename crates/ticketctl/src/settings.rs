//! `ticketctl settings`: which variables are read, in the form in which services tell theirs (`common::settings`).

use clap::Command;
use serde_json::{Map, Value, json};

use crate::migrate;

/// The variables of the options of all commands, and those without an option. What `admin` and `keys` read as the user
/// service does is told by that service.
pub(crate) fn told(command: &Command) -> anyhow::Result<Value> {
    let described = common::settings::describe(|env| migrate::passwords(env).map(drop))?;
    let mut told: Map<String, Value> = serde_json::from_str(&described)?;
    collect(command, &mut told);
    Ok(Value::Object(told))
}

fn collect(command: &Command, told: &mut Map<String, Value>) {
    for option in command.get_arguments() {
        let Some(variable) = option.get_env() else { continue };
        let default = option.get_default_values().first().map(|value| value.to_string_lossy());
        let setting = json!({
            "kind": if option.is_hide_env_values_set() && default.is_none() { "secret" } else { "text" },
            "default": default,
        });
        let name = variable.to_string_lossy().into_owned();
        // Options of one variable differ in whether they have a default.
        let known = told.get(&name).is_some_and(|known| !known["default"].is_null());
        if !known {
            told.insert(name, setting);
        }
    }
    for command in command.get_subcommands() {
        collect(command, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_and_passwords_are_told() {
        let told = told(&crate::Cli::command()).unwrap();
        assert_eq!(told["KAFKA_BROKERS"]["default"], "127.0.0.1:19092");
        assert_eq!(told["DB_PASSWORD_USER"]["required"], true);
        assert_eq!(told["TICKETCTL_ADMIN_PASSWORD"]["kind"], "secret");
        assert!(told["TICKETCTL_DATABASE_URL"]["default"].is_string());
    }
}
