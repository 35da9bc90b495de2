use common::config::Env;

/// How much a run does, unless the environment asks for another amount. What is asked for is printed, so that a run that
/// did less than usual says so.
pub(crate) fn amount(variable: &str, default: usize) -> usize {
    let env = Env::from_process().unwrap();
    let amount = env.parse_or(variable, default).unwrap();
    if amount != default {
        println!("{variable}: {amount} instead of {default}");
    }
    amount
}
