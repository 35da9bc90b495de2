//! Lists come in pages: `?page=0&size=20` (`design.md` §2).

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The page asked for, as it stands in the query. Flattening does not work with `deny_unknown_fields`, so an endpoint with
/// more parameters repeats these two fields and calls [`PageRequest::new`].
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Which page, from 0.
    #[param(minimum = 0, maximum = 1_000_000, default = 0)]
    pub page: Option<u32>,
    /// How many a page, 1–100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub size: Option<u32>,
}

/// A page within its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Which page, from 0.
    pub page: u32,
    /// How many a page, 1–100.
    pub size: u32,
}

impl PageRequest {
    /// The last page number taken; beyond it an offset would only waste the database's time.
    const MAX_PAGE: u32 = 1_000_000;

    /// Checks the numbers; 0 and 20 are the defaults.
    ///
    /// # Errors
    /// 400 naming the field.
    pub fn new(page: Option<u32>, size: Option<u32>) -> Result<Self, Problem> {
        let (page, size) = (page.unwrap_or(0), size.unwrap_or(20));
        if !(1..=100).contains(&size) {
            return Err(Problem::invalid("size", "must be from 1 to 100"));
        }
        if page > Self::MAX_PAGE {
            return Err(Problem::invalid("page", "must be at most 1000000"));
        }
        Ok(Self { page, size })
    }

    /// Rows to skip.
    #[must_use]
    pub fn offset(self) -> i64 {
        i64::from(self.page) * i64::from(self.size)
    }

    /// Rows to read.
    #[must_use]
    pub fn limit(self) -> i64 {
        i64::from(self.size)
    }
}

impl TryFrom<PageQuery> for PageRequest {
    type Error = Problem;

    fn try_from(query: PageQuery) -> Result<Self, Problem> {
        Self::new(query.page, query.size)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The page's items.
    pub content: Vec<T>,
    /// Which page this is, from 0.
    pub page: u32,
    /// How many a page.
    pub size: u32,
    /// How many there are in all.
    pub total_elements: i64,
    /// How many pages there are.
    pub total_pages: i64,
}

impl<T> Page<T> {
    /// A page of `total` items.
    #[must_use]
    pub fn new(content: Vec<T>, request: PageRequest, total: i64) -> Self {
        let size = i64::from(request.size);
        Self {
            content,
            page: request.page,
            size: request.size,
            total_elements: total,
            total_pages: (total + size - 1) / size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_outside_the_limits_are_refused() {
        for size in [0, 101] {
            assert!(PageRequest::new(None, Some(size)).is_err());
        }
        assert_eq!(PageRequest::new(None, None).unwrap(), PageRequest { page: 0, size: 20 });
    }

    #[test]
    fn a_last_page_may_be_partly_filled() {
        let request = PageRequest::new(Some(1), Some(20)).unwrap();
        assert_eq!(Page::new(vec![1], request, 21).total_pages, 2);
        assert_eq!(Page::<i32>::new(vec![], request, 0).total_pages, 0);
    }
}
