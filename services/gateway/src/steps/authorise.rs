use crate::{
    config::FailClosed,
    refusal::Refusal,
    route_table::{Access, Route, Target},
};
use common::{identity::Role, problem::Code};

/// Whether the role may use the route.
///
/// # Errors
/// 403 when it may not.
pub(crate) fn check_role(route: &Route, role: Role) -> Result<(), Refusal> {
    match (route.access, role) {
        (Access::Admin, Role::User) => Err(Code::Forbidden.into()),
        (Access::Public | Access::User, _) | (Access::Admin, Role::Admin) => Ok(()),
    }
}

/// Whether the route refuses a token of which nobody can tell whether it was revoked.
pub(crate) fn must_know_revocation(route: &Route, closed: &FailClosed) -> bool {
    match (route.access, route.target) {
        (Access::Public, _) => false,
        (Access::Admin, _) if closed.admin => true,
        (_, Target::Backend(backend)) => closed.backends.contains(&backend),
        (_, Target::Gateway) => false,
    }
}
