use crate::domain::{Grade, Prices, SeatTemplate};
use common::problem::{ApiResult, Problem};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Makes all seats of a concert from its hall's template, in one statement whatever the hall's size. Their map's version is
/// 1, or one more than that of the seats it had before.
///
/// The ids of one concert's seats share their first 96 bits and count up in the rest, which RFC 9562 allows a UUID v7.
/// A seat map lists thousands of them: such ids compress to a quarter, and their index stays in order.
pub(crate) async fn create(
    connection: &mut PgConnection,
    event_id: Uuid,
    template: &SeatTemplate,
    prices: &Prices,
) -> ApiResult<()> {
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

    let version = sqlx::query_scalar!(
        r#"
            INSERT INTO event_service.seat_maps AS map (event_id) VALUES ($1)
            ON CONFLICT (event_id) DO UPDATE SET version = map.version + 1
            RETURNING version
        "#,
        event_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    let inserted = sqlx::query!(
        r#"
            INSERT INTO event_service.seats (id, event_id, seat_index, seat_number, grade, price, version)
            SELECT ($2 || lpad(to_hex(seat_index), 8, '0'))::uuid, $1, seat_index, seat_number, grade, price, $7
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
        version,
    )
    .execute(connection)
    .await?;
    let (seats, expected) = (inserted.rows_affected(), u64::from(template.capacity()));
    if seats == expected {
        Ok(())
    } else {
        Err(Problem::internal(&format!(
            "{seats} seats came out of a template of {expected}"
        )))
    }
}

/// Removes all seats of a concert that moves to another hall, unless one of them shows as sold: then a message about it is
/// still on its way, whatever became of it since. Whether it removed them.
pub(crate) async fn remove_unclaimed(connection: &mut PgConnection, event_id: Uuid) -> Result<bool, sqlx::Error> {
    lock_all(connection, event_id).await?;
    let claimed = sqlx::query_scalar!(
        r#"
            SELECT EXISTS (
                SELECT FROM event_service.seat_claims
                JOIN event_service.seats ON seats.id = seat_claims.seat_id
                WHERE seats.event_id = $1 AND seat_claims.claim IN ('PAID', 'CONFIRMED')
            ) AS "claimed!"
        "#,
        event_id,
    )
    .fetch_one(&mut *connection)
    .await?;
    if claimed {
        return Ok(false);
    }
    sqlx::query!("DELETE FROM event_service.seats WHERE event_id = $1", event_id)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Gives a concert's seats other prices, and their map another version: it shows the prices too.
pub(crate) async fn reprice(connection: &mut PgConnection, event_id: Uuid, prices: &Prices) -> Result<(), sqlx::Error> {
    lock_all(connection, event_id).await?;
    let (grades, amounts) = prices.columns();
    sqlx::query!(
        r#"
            UPDATE event_service.seats AS seat
            SET price = given.price, updated_at = clock_timestamp()
            FROM unnest($2::text[], $3::bigint[]) AS given (grade, price)
            WHERE seat.event_id = $1 AND seat.grade = given.grade AND seat.price <> given.price
        "#,
        event_id,
        &grades,
        &amounts,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE event_service.seat_maps SET version = version + 1 WHERE event_id = $1",
        event_id,
    )
    .execute(connection)
    .await
    .map(|_| ())
}

/// Locks all seats of a concert in the order in which the projection locks them.
async fn lock_all(connection: &mut PgConnection, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            WITH locked AS MATERIALIZED (
                SELECT id FROM event_service.seats WHERE event_id = $1 ORDER BY id FOR UPDATE
            )
            SELECT count(*) AS "seats!" FROM locked
        "#,
        event_id,
    )
    .fetch_one(connection)
    .await
    .map(|_| ())
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
