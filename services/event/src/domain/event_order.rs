/// How the public list is sorted: `sort=<field>` or `sort=<field>,asc|desc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventOrder {
    pub(crate) field: SortField,
    pub(crate) descending: bool,
}

/// What it can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortField {
    EventStartAt,
    SaleStartAt,
    Title,
}

impl EventOrder {
    /// The next concert first.
    pub(crate) const DEFAULT: Self = Self {
        field: SortField::EventStartAt,
        descending: false,
    };

    /// Reads the query's parameter.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (field, direction) = text.split_once(',').unwrap_or((text, "asc"));
        let field = match field {
            "eventStartAt" => SortField::EventStartAt,
            "saleStartAt" => SortField::SaleStartAt,
            "title" => SortField::Title,
            _ => return None,
        };
        match direction {
            "asc" => Some(Self {
                field,
                descending: false,
            }),
            "desc" => Some(Self {
                field,
                descending: true,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_orders_are_read() {
        assert_eq!(EventOrder::parse("eventStartAt,asc"), Some(EventOrder::DEFAULT));
        assert_eq!(EventOrder::parse("eventStartAt"), Some(EventOrder::DEFAULT));
        assert_eq!(
            EventOrder::parse("title,desc"),
            Some(EventOrder {
                field: SortField::Title,
                descending: true
            })
        );
        for bad in ["", "price,asc", "title,up", "title,asc,desc", "Title,asc", "title,ASC"] {
            assert_eq!(EventOrder::parse(bad), None, "{bad}");
        }
    }
}
