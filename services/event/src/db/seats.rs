use crate::domain::{Grade, Prices, SeatTemplate};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Makes all seats of a new concert from its hall's template, and its map's version; in one statement each, whatever the
/// hall's size. Returns how many seats there are.
///
/// The ids of one concert's seats share their first 96 bits and count up in the rest, which RFC 9562 allows a UUID v7.
/// A seat map lists thousands of them: such ids compress to a quarter, and their index stays in order.
pub(crate) async fn create(
    connection: &mut PgConnection,
    event_id: Uuid,
    template: &SeatTemplate,
    prices: &Prices,
) -> Result<u64, sqlx::Error> {
    let mut labels: Vec<String> = Vec::new();
    let mut grades: Vec<String> = Vec::new();
    let mut amounts: Vec<i64> = Vec::new();
    for (label, grade) in template.rows() {
        labels.push(label.to_owned());
        grades.push(grade.as_str().to_owned());
        amounts.push(prices.of(grade).unwrap_or_default());
    }
    let seats_per_row = i32::try_from(template.seats_per_row).unwrap_or(i32::MAX);
    let id_prefix: String = Uuid::now_v7().to_string().chars().take(28).collect();

    let inserted = sqlx::query!(
        r#"
            INSERT INTO event_service.seats (id, event_id, seat_index, seat_number, grade, price)
            SELECT ($2 || lpad(to_hex(seat_index), 8, '0'))::uuid, $1, seat_index, seat_number, grade, price
            FROM (
                SELECT
                    ((label_index - 1) * $3 + place - 1)::integer AS seat_index,
                    label || '-' || place AS seat_number,
                    grade,
                    price
                FROM unnest($4::text[], $5::text[], $6::bigint[])
                    WITH ORDINALITY AS template_row (label, grade, price, label_index)
                CROSS JOIN generate_series(1, $3::integer) AS place
            ) AS seat
            ORDER BY seat_index
        "#,
        event_id,
        id_prefix,
        seats_per_row,
        &labels,
        &grades,
        &amounts,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("INSERT INTO event_service.seat_maps (event_id) VALUES ($1)", event_id)
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected())
}

/// The version of a concert's seat map: one more for each transaction that sold or released seats of it.
pub(crate) async fn map_version(executor: impl PgExecutor<'_>, event_id: Uuid) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT version FROM event_service.seat_maps WHERE event_id = $1",
        event_id
    )
    .fetch_optional(executor)
    .await
}

/// A seat as the public map shows it.
#[derive(Clone, Debug)]
pub(crate) struct MapSeat {
    pub(crate) id: Uuid,
    pub(crate) seat_number: String,
    pub(crate) grade: Grade,
    pub(crate) sold: bool,
}

/// The seats that changed after the map's version `since` in the hall's order; all of them for 0.
pub(crate) async fn changed_since(
    executor: impl PgExecutor<'_>,
    event_id: Uuid,
    since: i64,
) -> Result<Vec<MapSeat>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT id, seat_number, grade, status = 'SOLD' AS "sold!"
            FROM event_service.seats
            WHERE event_id = $1 AND version > $2
            ORDER BY seat_index
        "#,
        event_id,
        since,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let grade = super::grade(&row.grade)?;
            Ok(MapSeat {
                id: row.id,
                seat_number: row.seat_number,
                grade,
                sold: row.sold,
            })
        })
        .collect()
}

/// A seat as the reservation service sells it.
#[derive(Clone, Debug)]
pub(crate) struct CatalogueSeat {
    pub(crate) id: Uuid,
    pub(crate) seat_number: String,
    pub(crate) grade: Grade,
    pub(crate) price: i64,
}

/// All seats of a concert with their prices, in the hall's order.
pub(crate) async fn catalogue(
    executor: impl PgExecutor<'_>,
    event_id: Uuid,
) -> Result<Vec<CatalogueSeat>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT id, seat_number, grade, price
            FROM event_service.seats
            WHERE event_id = $1
            ORDER BY seat_index
        "#,
        event_id,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let grade = super::grade(&row.grade)?;
            Ok(CatalogueSeat {
                id: row.id,
                seat_number: row.seat_number,
                grade,
                price: row.price,
            })
        })
        .collect()
}

/// The ids of a concert's sold seats, in the hall's order.
pub(crate) async fn sold(executor: impl PgExecutor<'_>, event_id: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            SELECT id
            FROM event_service.seats
            WHERE event_id = $1 AND status = 'SOLD'
            ORDER BY seat_index
        "#,
        event_id,
    )
    .fetch_all(executor)
    .await
}
