use serde_json::{Value, json};
use test_support::{Api, Reply};
use uuid::Uuid;

/// A signed-in administrator.
pub struct Admin {
    api: Api,
}

/// An event on sale.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The event.
    pub event_id: Uuid,
}

impl Admin {
    /// An administrator who calls as that: with a token through the gateway, or the event service as the gateway does.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// The gateway, with the administrator's token.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Puts an event on sale: `rows` rows of VIP, S, A, B … seats with `seats_per_row` seats each.
    pub async fn open_sale(&self, rows: usize, seats_per_row: usize) -> Sale {
        self.sale_from("2020-01-01T00:00:00Z", rows, seats_per_row).await
    }

    /// Announces an event of one row whose sale opens later.
    pub async fn announce_sale(&self) -> Sale {
        self.sale_from("2099-01-01T00:00:00Z", 1, 4).await
    }

    async fn sale_from(&self, sale_start: &str, rows: usize, seats_per_row: usize) -> Sale {
        let venue = json!({"name": "잠실홀", "address": "올림픽로 25", "city": "서울"});
        let venue = id(&self.api.post("/venues", &venue).await.expect(201));
        let names: Vec<String> = (0..rows).map(|row| format!("R{row}")).collect();
        let grades = ["VIP", "S", "A", "B"];
        let mapping: serde_json::Map<String, Value> = names
            .iter()
            .enumerate()
            .map(|(row, name)| (name.clone(), json!(grades[row % 4])))
            .collect();
        let prices: serde_json::Map<String, Value> = grades
            .iter()
            .zip([150_000, 120_000, 90_000, 60_000])
            .take(rows)
            .map(|(grade, price)| ((*grade).to_owned(), json!(price)))
            .collect();
        let template = json!({"rows": names, "seatsPerRow": seats_per_row, "gradeMapping": mapping});
        let hall = json!({"name": "1관", "seatTemplate": template});
        let hall = id(&self
            .api
            .post(&format!("/venues/{venue}/halls"), &hall)
            .await
            .expect(201));
        let event = json!({
            "title": "새벽 콘서트", "artist": "The Testers", "hallId": hall, "prices": prices,
            "eventStartAt": "2099-06-01T10:00:00Z", "eventEndAt": "2099-06-01T12:00:00Z",
            "saleStartAt": sale_start, "saleEndAt": "2099-05-31T00:00:00Z",
        });
        Sale {
            event_id: id(&self.create_event(&event).await.expect(201)),
        }
    }

    /// POSTs an event as it is.
    pub async fn create_event(&self, event: &Value) -> Reply {
        self.api.post("/events", event).await
    }
}

/// The `id` of a reply.
fn id(body: &Value) -> Uuid {
    body["id"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no id in {body}"))
}
