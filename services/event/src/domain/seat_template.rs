use crate::domain::{Grade, Violations};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;

/// The largest hall.
const MAX_SEATS: u32 = 50_000;
/// A row's label stands in every seat number, on tickets too.
const MAX_LABEL_CHARS: usize = 10;

/// How a hall's seats are laid out: rows of equal length, each of one grade. A seat is numbered `<row>-<place>`, as `A-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeatTemplate {
    /// The rows' labels from the front, each once.
    #[schema(min_items = 1, max_items = 50_000, example = json!(["A", "B"]))]
    pub(crate) rows: Vec<String>,
    /// How many seats each row has. Rows times seats is at most 50,000.
    #[schema(minimum = 1, maximum = 50_000, example = 20)]
    pub(crate) seats_per_row: u32,
    /// The grade of each row, by its label.
    #[schema(example = json!({"A": "VIP", "B": "S"}))]
    pub(crate) grade_mapping: BTreeMap<String, Grade>,
}

impl SeatTemplate {
    /// Checks every rule; `prefix` is the template's own field name.
    pub(crate) fn check(&self, prefix: &str, violations: &mut Violations) {
        let (rows, seats_per_row, mapping) = (
            format!("{prefix}.rows"),
            format!("{prefix}.seatsPerRow"),
            format!("{prefix}.gradeMapping"),
        );

        violations.require(!self.rows.is_empty(), &rows, "must have at least one row");
        violations.require(self.seats_per_row > 0, &seats_per_row, "must be at least 1");
        let seats = u64::try_from(self.rows.len()).map_or(u64::MAX, |count| count * u64::from(self.seats_per_row));
        let fits = seats <= u64::from(MAX_SEATS);
        violations.require(
            fits,
            &seats_per_row,
            format!("must give at most {MAX_SEATS} seats in all"),
        );

        let mut labels = HashSet::new();
        for (index, label) in self.rows.iter().enumerate() {
            let field = format!("{rows}[{index}]");
            violations.require(
                is_label(label),
                &field,
                format!("must be 1 to {MAX_LABEL_CHARS} characters without blanks"),
            );
            violations.require(labels.insert(label.as_str()), &field, "must not repeat another row");
            violations.require(
                self.grade_mapping.contains_key(label),
                &mapping,
                format!("must give row {label:?} a grade"),
            );
        }
        for label in self.grade_mapping.keys() {
            let exists = labels.contains(label.as_str());
            violations.require(exists, &mapping, format!("must not name {label:?}, which is no row"));
        }
    }

    /// How many seats there are.
    pub(crate) fn capacity(&self) -> u32 {
        u32::try_from(self.rows.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(self.seats_per_row)
    }

    /// The rows from the front with their grades.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, Grade)> {
        self.rows
            .iter()
            .filter_map(|label| Some((label.as_str(), *self.grade_mapping.get(label)?)))
    }

    /// The grades that occur, best first, with the number of their seats.
    pub(crate) fn grades(&self) -> impl Iterator<Item = (Grade, u32)> {
        let mut seats = BTreeMap::new();
        for (_, grade) in self.rows() {
            *seats.entry(grade).or_insert(0_u32) += self.seats_per_row;
        }
        seats.into_iter()
    }
}

/// Blanks and control characters would make two labels look the same.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_CHARS).contains(&label.chars().count())
        && !label.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(rows: &[&str], seats_per_row: u32, mapping: &[(&str, Grade)]) -> SeatTemplate {
        SeatTemplate {
            rows: rows.iter().map(|&row| row.to_owned()).collect(),
            seats_per_row,
            grade_mapping: mapping.iter().map(|&(row, grade)| (row.to_owned(), grade)).collect(),
        }
    }

    fn errors(template: &SeatTemplate) -> String {
        let mut violations = Violations::default();
        template.check("seatTemplate", &mut violations);
        violations
            .finish()
            .map_or_else(|problem| problem.body("")["errors"].to_string(), |()| String::new())
    }

    #[test]
    fn a_template_counts_its_seats_by_grade() {
        let template = template(
            &["A", "B", "C"],
            20,
            &[("A", Grade::Vip), ("B", Grade::S), ("C", Grade::S)],
        );
        assert_eq!(errors(&template), "");
        assert_eq!(template.capacity(), 60);
        assert_eq!(
            template.grades().collect::<Vec<_>>(),
            [(Grade::Vip, 20), (Grade::S, 40)]
        );
    }

    #[test]
    fn rows_are_unique_labelled_and_graded() {
        let twice = template(&["A", "A"], 1, &[("A", Grade::S)]);
        assert!(errors(&twice).contains("must not repeat"), "{}", errors(&twice));
        let ungraded = template(&["A", "B"], 1, &[("A", Grade::S)]);
        assert!(errors(&ungraded).contains("must give row"), "{}", errors(&ungraded));
        let stray = template(&["A"], 1, &[("A", Grade::S), ("Z", Grade::S)]);
        assert!(errors(&stray).contains("which is no row"), "{}", errors(&stray));
        for label in ["", "A B", "A\n", "elevenchars"] {
            assert_ne!(errors(&template(&[label], 1, &[(label, Grade::S)])), "", "{label:?}");
        }
    }

    #[test]
    fn halls_have_1_to_50_000_seats() {
        assert_ne!(errors(&template(&[], 10, &[])), "");
        assert_ne!(errors(&template(&["A"], 0, &[("A", Grade::S)])), "");
        assert_ne!(errors(&template(&["A"], u32::MAX, &[("A", Grade::S)])), "");
        assert_ne!(errors(&template(&["A"], 50_001, &[("A", Grade::S)])), "");
        assert_eq!(errors(&template(&["A"], 50_000, &[("A", Grade::S)])), "");
    }
}
