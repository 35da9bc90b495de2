//! The logins of the services.

use std::fmt;

/// A service's own login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Login {
    /// The user service.
    User,
    /// The event service.
    Event,
    /// The queue service.
    Queue,
    /// The reservation service.
    Reservation,
    /// The payment service.
    Payment,
}

impl Login {
    /// Every login.
    pub const ALL: [Self; 5] = [Self::User, Self::Event, Self::Queue, Self::Reservation, Self::Payment];

    /// The role's name.
    #[must_use]
    pub const fn role(self) -> &'static str {
        match self {
            Self::User => "user_svc_user",
            Self::Event => "event_svc_user",
            Self::Queue => "queue_svc_user",
            Self::Reservation => "reservation_svc_user",
            Self::Payment => "payment_svc_user",
        }
    }

    /// The schema it works in.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::User => "user_service",
            Self::Event => "event_service",
            Self::Queue => "queue_service",
            Self::Reservation => "reservation_service",
            Self::Payment => "payment_service",
        }
    }

    /// The environment variable that carries its password to the migration.
    #[must_use]
    pub const fn password_variable(self) -> &'static str {
        match self {
            Self::User => "DB_PASSWORD_USER",
            Self::Event => "DB_PASSWORD_EVENT",
            Self::Queue => "DB_PASSWORD_QUEUE",
            Self::Reservation => "DB_PASSWORD_RESERVATION",
            Self::Payment => "DB_PASSWORD_PAYMENT",
        }
    }

    /// The password where nothing else is said; never in production.
    #[must_use]
    pub const fn local_password(self) -> &'static str {
        match self {
            Self::User => "local-only-user",
            Self::Event => "local-only-event",
            Self::Queue => "local-only-queue",
            Self::Reservation => "local-only-reservation",
            Self::Payment => "local-only-payment",
        }
    }
}

/// One password per login.
#[derive(Clone)]
pub struct Passwords([String; Login::ALL.len()]);

impl Passwords {
    /// Asks `password` for each login.
    pub fn by(password: impl FnMut(Login) -> String) -> Self {
        Self(Login::ALL.map(password))
    }

    /// The passwords of local systems.
    #[must_use]
    pub fn local() -> Self {
        Self::by(|login| login.local_password().to_owned())
    }

    /// The password of this login.
    #[must_use]
    pub fn of(&self, login: Login) -> &str {
        let [user, event, queue, reservation, payment] = &self.0;
        match login {
            Login::User => user,
            Login::Event => event,
            Login::Queue => queue,
            Login::Reservation => reservation,
            Login::Payment => payment,
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passwords(…)")
    }
}
