use crate::domain::{Grade, SeatTemplate, Violations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// No seat costs more, in won. With at most 50,000 seats no sum of prices comes near the limits of an `i64`.
const MAX_PRICE: i64 = 100_000_000;

/// What each grade costs, in won. Exactly the grades of the hall must be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
pub(crate) struct Prices {
    #[schema(minimum = 1, maximum = 100_000_000, example = 150_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vip: Option<i64>,
    #[schema(minimum = 1, maximum = 100_000_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<i64>,
    #[schema(minimum = 1, maximum = 100_000_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<i64>,
    #[schema(minimum = 1, maximum = 100_000_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<i64>,
}

impl Prices {
    /// The grades given with their prices, best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Grade, i64)> {
        [
            (Grade::Vip, self.vip),
            (Grade::S, self.s),
            (Grade::A, self.a),
            (Grade::B, self.b),
        ]
        .into_iter()
        .filter_map(|(grade, price)| Some((grade, price?)))
    }

    /// The price of a grade.
    pub(crate) fn of(&self, grade: Grade) -> Option<i64> {
        self.iter().find(|(given, _)| *given == grade).map(|(_, price)| price)
    }

    /// The grades given and their prices, as two columns.
    pub(crate) fn columns(&self) -> (Vec<String>, Vec<i64>) {
        self.iter()
            .map(|(grade, price)| (grade.as_str().to_owned(), price))
            .unzip()
    }

    /// Checks the amounts by themselves.
    pub(crate) fn check(&self, violations: &mut Violations) {
        for (grade, price) in self.iter() {
            let holds = (1..=MAX_PRICE).contains(&price);
            violations.require(holds, &field(grade), format!("must be from 1 to {MAX_PRICE} won"));
        }
    }

    /// Checks that the hall's grades are covered, each once and no other.
    pub(crate) fn check_against(&self, template: &SeatTemplate, violations: &mut Violations) {
        for (grade, _) in template.grades() {
            violations.require(
                self.of(grade).is_some(),
                &field(grade),
                "is missing: the hall has such seats",
            );
        }
        for (grade, _) in self.iter() {
            let exists = template.grades().any(|(of_hall, _)| of_hall == grade);
            violations.require(exists, &field(grade), "must be left out: the hall has no such seats");
        }
    }
}

impl FromIterator<(Grade, i64)> for Prices {
    fn from_iter<I: IntoIterator<Item = (Grade, i64)>>(prices: I) -> Self {
        let mut all = Self::default();
        for (grade, price) in prices {
            let of_grade = match grade {
                Grade::Vip => &mut all.vip,
                Grade::S => &mut all.s,
                Grade::A => &mut all.a,
                Grade::B => &mut all.b,
            };
            *of_grade = Some(price);
        }
        all
    }
}

fn field(grade: Grade) -> String {
    format!("prices.{}", grade.as_str())
}
